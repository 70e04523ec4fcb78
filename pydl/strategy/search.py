"""Hyperparameter search: random, on a grid, from coarse to fine, and by successive halving.

What is tried depends on the seed and on scores alone, never on how many workers there are or which is done first.  Every finished
evaluation is written to a journal before the next is waited for, so a search that was killed goes on where it was.
"""
import json
import math
import os
import pathlib
import pickle
import time
import traceback

from pydl import random
from pydl.callbacks.screen import say
from pydl.errors import FormatError, boolean, in_range, integer, one_of, positive_int, show, string, zero_or_one
from pydl.files import write_atomically
from pydl.kernels._common import get_num_threads, set_num_threads
from pydl.strategy.result import SearchResult, TrialResult, value_text
from pydl.strategy.space import Space, uniform

JOURNAL = 1             # version of its format


class Trial:
    """What a search asks for: evaluate these hyperparameters.  trial["name"] is one of them.

    params: all, a dict.    number: counted from 0.    seed: of this trial, already set as the global seed when it is evaluated.
    epochs: train so long in all, or None if the search does not say.    start: how many of them are behind it already.
    folder: a folder for its files, or None; previous: that of the evaluation that `start` ended, with what that left there, or None.
    """

    def __init__(self, number, params, seed, round=0, epochs=None, start=0, folder=None, previous=None):
        self.number, self.params, self.seed, self.round = number, params, seed, round
        self.epochs, self.start, self.folder, self.previous = epochs, start, folder, previous

    def __getitem__(self, name):
        return self.params[name]

    def get(self, name, default=None):
        """Return a hyperparameter, or `default` where this trial has none of that name."""
        return self.params.get(name, default)

    def __repr__(self):
        return f"<Trial {self.number}: {show(self.params, 160)}{f', {self.start} to {self.epochs} epochs' if self.epochs else ''}>"


def evaluated(evaluate, trial):
    """Run in the worker: what came of a trial, whatever it raises."""
    began, run = time.perf_counter(), {"score": None, "extra": {}, "error": None}
    try:
        if trial.folder is not None:
            os.makedirs(trial.folder, exist_ok=True)
        with random.undisturbed():
            random.set_random_seed(trial.seed)
            found = evaluate(trial)
        extra = {}
        if isinstance(found, dict):
            if "score" not in found:
                raise TypeError(f"evaluate must return a number or a dict with 'score', got a dict with {', '.join(map(repr, found)) or 'nothing'}")
            extra = {string("evaluate", "each name it returns", name): v for name, v in found.items() if name != "score"}
            found = found["score"]
        run["score"] = in_range("evaluate", "its score", found)
        run["extra"] = {name: v if isinstance(v, (str, int, bool, type(None))) else in_range("evaluate", f"what it returns as {name!r}", v)
                        for name, v in extra.items()}
    except (Exception, SystemExit) as error:        # a trial that fails is a result: the others go on
        run["score"] = None
        run["error"] = f"{type(error).__name__}: {error}\n{traceback.format_exc(limit=-6)}"
    return {**run, "seconds": time.perf_counter() - began}


class _Search:
    """Runs waves of trials on an executor, with a journal."""

    def __init__(self, who, evaluate, space, goal, seed, executor, journal, folder, verbose, retry_failed, definition):
        if not callable(evaluate):
            raise TypeError(f"{who}: evaluate must be a function of a Trial that returns a score, got {show(evaluate)}")
        self.who, self.evaluate, self.space = who, evaluate, space
        self.goal = one_of(who, "goal", goal, ("min", "max"))
        self.seed, self.verbose = integer(who, "seed", seed, 0), zero_or_one(who, "verbose", verbose)
        for name, path in (("journal", journal), ("folder", folder)):
            if path is not None and not isinstance(path, (str, os.PathLike)):
                raise TypeError(f"{who}: {name} must be a path, got {show(path)}")
        self.journal, self.folder = journal, None if folder is None else pathlib.Path(os.fsdecode(os.fspath(folder))).absolute()
        self.own_workers = None
        if executor is not None and not hasattr(executor, "submit"):
            self.own_workers = positive_int(who, "executor (a number of processes, or anything with submit)", executor)
        self.executor, self.retry_failed = executor, boolean(who, "retry_failed", retry_failed)
        self.definition = json.loads(json.dumps({"search": who, "space": space.describe(), "goal": self.goal, "seed": self.seed, **definition}))
        self.runs = self._read_journal()
        self.results = {}

    # ---- the journal

    def _read_journal(self):
        """{(number, epochs): run} of what is done already."""
        if self.journal is None or not os.path.exists(self.journal):
            return {}
        try:
            with open(self.journal, encoding="utf-8") as file:
                read = json.load(file)
            if not isinstance(read, dict) or read.get("journal") != JOURNAL:
                raise ValueError("it is not the journal of a search")
            runs = {(run["number"], run["epochs"]): {k: run[k] for k in ("params", "epochs", "score", "extra", "error", "seconds")} for run in read["runs"]}
            defined = dict(read["definition"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FormatError(f"{self.who}: journal {show(os.fspath(self.journal))} cannot be read ({error}); name another file") from error
        mine = dict(self.definition)
        if defined.get("trials", 0) != mine.get("trials", 0) and mine.get("extensible"):        # more trials of the same search, or fewer
            defined["trials"] = mine["trials"]
        if defined != mine:
            differs = next(k for k in [*mine, *defined] if defined.get(k) != mine.get(k))
            raise ValueError(f"{self.who}: journal {show(os.fspath(self.journal))} belongs to another search: its {differs} is {show(defined.get(differs))}, "
                             f"this one's {show(mine.get(differs))}; name another file, or remove it")
        if self.retry_failed:
            runs = {key: run for key, run in runs.items() if run["error"] is None}
        return runs

    def _write_journal(self):
        if self.journal is not None:
            runs = [{"number": number, **run} for (number, _), run in sorted(self.runs.items(), key=lambda item: (item[0][0], item[0][1] or 0))]
            text = json.dumps({"journal": JOURNAL, "definition": self.definition, "runs": runs}, indent=1, allow_nan=False)
            write_atomically(self.journal, [text.encode("utf-8")])

    # ---- running

    def trial(self, number, params, round=0, epochs=None, start=0):
        """The Trial of this number; `start` counts only if there is a folder that the earlier part can have left something in."""
        folder = previous = None
        if self.folder is not None:
            base = self.folder / f"trial-{number:04d}"
            folder = str(base / f"epochs-{epochs}" if epochs is not None else base)
            previous = str(base / f"epochs-{start}") if start else None
        return Trial(number, params, int(uniform(self.seed, "seed of trial", number) * 2 ** 62), round, epochs, start if previous else 0, folder, previous)

    def run(self, trials):
        """Evaluate trials, those the journal has not; afterwards every one of them has a result."""
        for t in trials:
            self.results.setdefault(t.number, TrialResult(t.number, t.params, t.round))
        waiting = [t for t in trials if (t.number, t.epochs) not in self.runs]
        known = [t for t in trials if (t.number, t.epochs) in self.runs]
        for t in known:
            self.results[t.number].take(self.runs[t.number, t.epochs])
        if self.verbose and known:
            say(f"{self.who}: {len(known)} of {len(trials)} evaluations are in the journal already")
        if not waiting:
            return
        for done, (t, run) in enumerate(self._evaluated(waiting), len(known) + 1):
            run = {"params": json.loads(json.dumps(t.params, default=repr)), "epochs": t.epochs, **run}
            self.runs[t.number, t.epochs] = run
            self._write_journal()
            self.results[t.number].take(run)
            if self.verbose:
                self._tell(t, run, done, len(trials))

    def _tell(self, t, run, done, of):
        best = self.result().best
        told = f"score {value_text(run['score'])}" if run["error"] is None else f"failed: {run['error'].splitlines()[0][:100]}"
        say(f"{self.who}: {done}/{of} trial {t.number}{f', {t.epochs} epochs' if t.epochs else ''}: {told}, {run['seconds']:.1f} s"
            + (f" (best {value_text(best.score)}, trial {best.number}): " if best else ": ") + ", ".join(f"{n}={value_text(v)}" for n, v in t.params.items()))

    def _evaluated(self, trials):
        """(trial, run) of each, as they are done."""
        if self.executor is None:
            for t in trials:
                yield t, evaluated(self.evaluate, t)
            return
        if self.own_workers is None:
            yield from self._submitted(self.executor, trials)
            return
        for t in trials:                # a pool that is given what it cannot send may never end (CPython 3.11), so it is not given it
            try:
                pickle.dumps((self.evaluate, t))
            except Exception as error:
                raise self._broken(t, error) from error
        from concurrent.futures import ProcessPoolExecutor  # brings in half the standard library: only where it is used
        threads = max(1, get_num_threads() // self.own_workers)
        pool = ProcessPoolExecutor(self.own_workers, initializer=set_num_threads, initargs=(threads,))
        try:
            yield from self._submitted(pool, trials)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _broken(self, t, error):
        kept = "" if self.journal is None else "; what was finished is in the journal, so the same call goes on from there"
        return RuntimeError(f"{self.who}: the executor could not run trial {t.number} ({type(error).__name__}: {error}); a worker may have died, "
                            f"or evaluate cannot be sent to one: it has to be a function that a module defines{kept}")

    def _submitted(self, executor, trials):
        futures, finished = {}, None
        try:
            for t in trials:
                futures[executor.submit(evaluated, self.evaluate, t)] = t
            if all(hasattr(f, "add_done_callback") for f in futures):
                import queue
                finished = queue.SimpleQueue()
                for f in futures:
                    f.add_done_callback(finished.put)
            waiting = list(futures)
            for i in range(len(trials)):
                future = waiting[i] if finished is None else finished.get()
                try:
                    run = future.result()
                except Exception as error:          # trials return what they raise: this is the executor's own trouble
                    raise self._broken(futures[future], error) from error
                yield futures[future], run
        finally:
            for f in futures:
                if hasattr(f, "cancel"):
                    f.cancel()

    def result(self):
        return SearchResult([self.results[n] for n in sorted(self.results)], self.space, self.goal)


def random_search(evaluate, space, trials=20, *, rounds=1, shrink=0.3, top=3, goal="min", seed=0, executor=None, journal=None, folder=None,
                  retry_failed=False, verbose=1):
    """Try random hyperparameters; with several rounds, each zooms in on the best so far: from coarse to fine.

    Random points try as many values of each hyperparameter as there are trials, where a grid tries few, over and over.

    Args:      evaluate: a function of a `Trial` that returns a score, a finite number, or a dict with "score" and other numbers or
                   strings to record.  What it raises is recorded, and the search goes on.  pydl's global random seed is trial.seed
                   while it runs, so that a trial gives the same result in any process (threads of one process share that seed; NumPy's
                   generators are yours to seed, with trial.seed).
               space: a `Space`, or the dict of one.
               trials: how many in each round.
               rounds: after each but the last, every range is narrowed to a share `shrink` of its scale around the `top` best trials
                   (or to what they span, if that is more), and a choice to the options found among them.
               goal: "min" if less is better (a loss), "max" if more is.
               seed: same seed, same trials, whatever the executor.
               executor: None evaluates one after the other, here; a number starts so many processes, which share the threads; else
                   anything with submit(function, *arguments) whose results have result(): concurrent.futures, mpi4py.futures, a Dask
                   client.  Stopping it remains yours.
               journal: a JSON file that holds what is finished, written whole or not at all after each evaluation; the same call goes
                   on from there.  That of another search is refused, but `trials` of a search in one round may grow.
               folder: where each trial has a folder of its own, trial.folder.
               retry_failed: evaluate those again that failed, when going on from a journal.
               verbose: 1 says a line for each evaluation.
    Returns:   a SearchResult.
    Raises:    TypeError or ValueError naming the argument; RuntimeError if the executor breaks.
    Source:    Bergstra, Bengio: Random Search for Hyper-Parameter Optimization (2012); Deep Learning Specialization, course 2, tuning process.
    Example:
        >>> from pydl import strategy
        >>> result = strategy.random_search(lambda trial: (trial["rate"] - 0.01) ** 2, {"rate": strategy.Log(1e-4, 1.0)}, trials=10, rounds=2, verbose=0)
        >>> len(result.trials), result.best.score < 1e-5
        (20, True)
    """
    who, space = "random_search", Space(space)
    trials, rounds, top = positive_int(who, "trials", trials), positive_int(who, "rounds", rounds), positive_int(who, "top", top)
    shrink = in_range(who, "shrink", shrink, 0, 1, low_open=True)
    definition = {"trials": trials, "rounds": rounds, "shrink": shrink, "top": top, "extensible": rounds == 1}
    search = _Search(who, evaluate, space, goal, seed, executor, journal, folder, verbose, retry_failed, definition)
    for r in range(rounds):
        numbers = range(r * trials, (r + 1) * trials)
        search.run([search.trial(n, space.draw(search.seed, n), r) for n in numbers])
        best = [t.params for t in search.result().ranked()[:top]]
        if not best:
            break                                               # all failed: there is nothing to zoom in on
        space = space.narrowed(best, shrink)
    return search.result()


def grid_search(evaluate, space, points=3, *, goal="min", seed=0, executor=None, journal=None, folder=None, retry_failed=False, verbose=1):
    """Try every combination of a few values of each hyperparameter.

    Args:      points: how many values of each range, evenly spread on its scale with both ends among them; or a dict by name.
                   Choices are tried whole.
               others: as in `random_search`.
    Returns:   a SearchResult.
    Example:
        >>> from pydl import strategy
        >>> space = {"rate": strategy.Log(0.001, 0.1), "units": strategy.Integer(1, 3)}
        >>> result = strategy.grid_search(lambda trial: trial["rate"] * trial["units"], space, points=3, verbose=0)
        >>> len(result.trials), result.best.params["units"]
        (9, 1)
    """
    who, space = "grid_search", Space(space)
    combinations = space.grid(points)
    search = _Search(who, evaluate, space, goal, seed, executor, journal, folder, verbose, retry_failed, {"points": points})
    search.run([search.trial(n, params) for n, params in enumerate(combinations)])
    return search.result()


def successive_halving(evaluate, space, trials=27, *, epochs=(1, 27), factor=3, goal="min", seed=0, executor=None, journal=None, folder=None,
                       retry_failed=False, verbose=1):
    """Train many a little, go on with the best third, and so on: bad trials stop early.

    Stage k trains to epochs[0] * factor^k epochs, at most epochs[1]; the best 1 / factor of those it ran, at least one, go on.  A stage
    is over when all its trials are, so the outcome does not depend on the workers.

    With a folder a trial continues warm: `evaluate` leaves its model in trial.folder and takes it up from trial.previous, where
    trial.start epochs of training are in it:

        def evaluate(trial):
            model = pydl.models.load_model(f"{trial.previous}/model.pydl") if trial.previous else build(trial)
            history = model.fit(x, y, initial_epoch=trial.start, epochs=trial.epochs, validation_data=held_out, verbose=0).history
            model.save(f"{trial.folder}/model.pydl")
            return history["val_loss"][-1]

    Without one trial.start is 0, and every stage trains from the beginning.

    Args:      trials: how many begin.    epochs: (of the first stage, of the last).    factor: an integer >= 2.
               others: as in `random_search`.
    Returns:   a SearchResult; the trials that reached the last stage lead it.
    Source:    Jamieson, Talwalkar: Non-stochastic Best Arm Identification and Hyperparameter Optimization (2016).
    Example:
        >>> from pydl import strategy
        >>> space = {"x": strategy.Linear(0.0, 1.0)}
        >>> result = strategy.successive_halving(lambda trial: trial["x"] + 1 / trial.epochs, space, trials=9, epochs=(1, 9), verbose=0)
        >>> [sum(t.epochs == e for t in result.trials) for e in (1, 3, 9)]
        [6, 2, 1]
    """
    who, space = "successive_halving", Space(space)
    trials, factor = positive_int(who, "trials", trials), integer(who, "factor", factor, 2)
    if not isinstance(epochs, (tuple, list)) or len(epochs) != 2:
        raise TypeError(f"{who}: epochs must be a pair (of the first stage, of the last), got {show(epochs)}")
    first, last = positive_int(who, "epochs[0]", epochs[0]), positive_int(who, "epochs[1]", epochs[1])
    if first > last:
        raise ValueError(f"{who}: epochs must not fall, got {show(epochs)}")
    definition = {"trials": trials, "epochs": [first, last], "factor": factor}
    search = _Search(who, evaluate, space, goal, seed, executor, journal, folder, verbose, retry_failed, definition)
    living, start, until = [(n, space.draw(search.seed, n)) for n in range(trials)], 0, first
    while True:
        search.run([search.trial(n, params, 0, until, start) for n, params in living])
        if until == last or not living:
            break
        alive = {n for n, _ in living}
        ranked = [t for t in search.result().ranked() if t.number in alive and t.epochs == until]
        kept = {t.number for t in ranked[:max(1, math.floor(len(living) / factor))]}
        for t in ranked:
            if t.number not in kept:
                t.status = "stopped"
        living, start, until = [(n, params) for n, params in living if n in kept], until, min(last, until * factor)
    return search.result()
