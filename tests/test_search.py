"""Hyperparameter search: scales, spaces, the same trials on any executor, halving, journals that survive kill -9."""
import concurrent.futures
import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from child import PACKAGE

import pydl
from pydl import layers, strategy
from pydl.errors import FormatError
from pydl.strategy import Choice, Integer, Linear, Log, ReverseLog, Space

SPACE = {"rate": Log(1e-5, 1.0), "beta": ReverseLog(0.9, 0.999), "units": Integer(4, 64, log=True), "layers": Integer(1, 4), "drop": Linear(0.0, 0.5),
         "optimizer": Choice({"adam": {}, "sgd": {"momentum": ReverseLog(0.5, 0.99)}}), "epochs": 3}


def bowl(trial):
    """Best at rate 1e-2, 16 units."""
    return (math.log10(trial["rate"]) + 2) ** 2 + abs(math.log2(trial["units"]) - 4) + trial["drop"] + (trial["optimizer"] == "sgd")


def halting(trial):
    return trial["drop"] + 1.0 / trial.epochs


def failing(trial):
    if trial.number == 4:
        sys.exit("out of here")
    if trial.number % 3 == 1:
        raise ZeroDivisionError(f"trial {trial.number} <&>")
    if trial.number % 3 == 2:
        return {"score": float("nan")}
    return {"score": trial["drop"], "seconds_of_gpu": 1.5, "note": "a,b"}


def dying(trial):
    if trial.number == 3:
        os._exit(9)
    return trial["drop"]


def outcome(result):
    return [(t.number, t.params, t.score, t.status, t.epochs, t.curve) for t in result.trials]


# ---- scales ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("scale", [Linear(-3, 5), Log(1e-6, 10), ReverseLog(0.5, 0.9999), Integer(3, 9), Integer(1, 1000, log=True),
                                   Choice(["a", 1, True, None])])
def test_values_and_positions_belong_together(scale):
    for u in np.linspace(0, 1, 41):
        value = scale.value(u)
        assert scale.value(scale.position(value)) == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value)
        assert 0 <= scale.position(value) <= 1 and all(-1e-9 <= p <= 1 + 1e-9 for p, _ in scale.ticks()) and scale.ticks()
    assert all(0 <= scale.position(v) <= 1 for v in scale.grid(5)) and len(set(map(repr, scale.grid(5)))) == len(scale.grid(5))


def test_draws_are_uniform_on_their_scale():
    draws = [Space(SPACE).draw(7, i) for i in range(4000)]

    def shares(name, cuts):
        values = [d[name] for d in draws]
        return [np.mean([a <= v < b for v in values]) for a, b in zip(cuts, cuts[1:])]
    np.testing.assert_allclose(shares("rate", [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]), 0.2, atol=0.03)
    np.testing.assert_allclose(shares("beta", [0.9, 0.99, 0.999]), 0.5, atol=0.03)           # the course's example
    np.testing.assert_allclose(shares("layers", [1, 2, 3, 4, 5]), 0.25, atol=0.03)
    np.testing.assert_allclose(shares("units", [4, 8, 16, 32, 65]), 0.25, atol=0.03)
    assert all(("momentum" in d) == (d["optimizer"] == "sgd") and d["epochs"] == 3 for d in draws)
    assert abs(np.corrcoef([d["drop"] for d in draws], [math.log(d["rate"]) for d in draws])[0, 1]) < 0.05


def test_a_draw_does_not_depend_on_what_else_is_drawn():
    less = {n: SPACE[n] for n in ("drop", "rate")}
    assert all(Space(less).draw(1, i)[n] == Space(SPACE).draw(1, i)[n] for i in range(5) for n in less)
    assert Space(SPACE).draw(1, 0) != Space(SPACE).draw(2, 0) != Space(SPACE).draw(2, 1)
    assert Space({"x": Linear(0, 1)}).draw(0, 0)["x"] == pytest.approx(0.47672580407359605, rel=1e-12)     # and stays so on every machine


def test_the_grid_has_every_combination():
    grid = Space({"rate": Log(0.001, 0.1), "n": Integer(1, 9), "o": Choice({"a": {"m": Linear(0, 1)}, "b": {}}), "k": 5}).grid({"rate": 3, "n": 2, "m": 2})
    assert len(grid) == 3 * 2 * (2 + 1) and len({json.dumps(g) for g in grid}) == len(grid)
    assert sorted({round(g["rate"], 9) for g in grid}) == [0.001, 0.01, 0.1] and {g["n"] for g in grid} == {1, 9} and {g["k"] for g in grid} == {5}


def test_a_narrowed_space_lies_around_the_best():
    space = Space(SPACE)
    best = [{"rate": 1e-2, "beta": 0.999, "units": 16, "layers": 1, "drop": 0.25, "optimizer": "sgd", "momentum": 0.9, "epochs": 3}]
    near = space.narrowed(best, 0.2)
    assert near.entries["rate"].low == pytest.approx(10 ** -2.5) and near.entries["rate"].high == pytest.approx(10 ** -1.5)
    assert near.entries["beta"].high == 0.999 and near.entries["beta"].low > 0.99 and near.entries["epochs"] == 3
    assert near.entries["optimizer"].options == ["sgd"] and 0.5 < near.entries["optimizer"].spaces[0]["momentum"].low < 0.9
    assert near.entries["units"].low <= 16 <= near.entries["units"].high < 64
    twice = space.narrowed([*best, {**best[0], "rate": 1e-4, "optimizer": "adam"}], 0.2)
    assert twice.entries["rate"].low == pytest.approx(1e-4) and twice.entries["optimizer"].options == ["adam", "sgd"]
    for i in range(50):
        assert set(near.draw(0, i)) == set(best[0])


# ---- searches --------------------------------------------------------------------------------------------------------

def test_coarse_to_fine_beats_one_coarse_round():
    wide = strategy.random_search(bowl, SPACE, trials=60, verbose=0)
    fine = strategy.random_search(bowl, SPACE, trials=20, rounds=3, verbose=0)
    assert len(fine.trials) == 60 and fine.best.round == 2 and fine.best.score < wide.best.score
    assert fine.best.params["units"] in range(12, 22) and 1e-3 < fine.best.params["rate"] < 1e-1


@pytest.mark.parametrize("search", [
    lambda executor: strategy.random_search(bowl, SPACE, 8, rounds=2, executor=executor, verbose=0),
    lambda executor: strategy.successive_halving(halting, {"drop": Linear(0, 1)}, 9, epochs=(1, 9), executor=executor, verbose=0)])
def test_the_same_trials_on_any_executor(search):
    alone = outcome(search(None))
    assert outcome(search(2)) == alone
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert outcome(search(pool)) == alone

    class Plain:                        # the least an executor must have; results in the order they were asked for
        def submit(self, function, *arguments):
            class Done:
                def result(self):
                    return function(*arguments)
            return Done()
    assert outcome(search(Plain())) == alone


def test_halving_goes_on_with_the_best():
    result = strategy.successive_halving(halting, {"drop": Linear(0, 1)}, 27, epochs=(2, 20), factor=3, verbose=0)
    assert [sum(t.epochs == e for t in result.trials) for e in (2, 6, 18, 20)] == [18, 6, 2, 1]
    assert [t.status for t in result.ranked()[:3]] == ["done", "stopped", "stopped"]
    order = sorted(result.trials, key=lambda t: t.params["drop"])
    assert result.best is order[0] and {t.number for t in order[:3]} == {t.number for t in result.trials if len(t.curve) >= 3}
    turned = strategy.successive_halving(lambda t: -halting(t), {"drop": Linear(0, 1)}, 27, epochs=(2, 20), goal="max", verbose=0)
    assert turned.best.number == result.best.number


def net(trial):
    """A trial that goes on warm: what it left in its folder is taken up."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((48, 3)).astype(np.float32)
    y = (x[:, :1] * x[:, 1:2] > 0).astype(np.float32)
    if trial.previous:
        model = pydl.models.load_model(f"{trial.previous}/model.pydl")
    else:
        model = pydl.Sequential([layers.Input((3,)), layers.Dense(8, activation="tanh"), layers.Dropout(0.1), layers.Dense(1, activation="sigmoid")])
        model.compile(pydl.optimizers.Adam(trial["rate"]), "binary_crossentropy")
    history = model.fit(x, y, batch_size=16, initial_epoch=trial.start, epochs=trial.epochs, verbose=0).history["loss"]
    if trial.folder:
        model.save(f"{trial.folder}/model.pydl")
    return {"score": history[-1], "epochs_run": len(history)}


def test_halving_continues_warm_bit_for_bit(tmp_path):
    arguments = dict(trials=4, epochs=(2, 8), factor=2, verbose=0)
    cold = strategy.successive_halving(net, {"rate": Log(1e-3, 0.1)}, **arguments)
    warm = strategy.successive_halving(net, {"rate": Log(1e-3, 0.1)}, folder=tmp_path, **arguments)
    assert outcome(warm) == outcome(cold)
    assert outcome(strategy.successive_halving(net, {"rate": Log(1e-3, 0.1)}, executor=2, folder=tmp_path / "apart", **arguments)) == outcome(cold)
    assert (cold.best.extra["epochs_run"], warm.best.extra["epochs_run"]) == (8, 4)
    assert sorted(p.name for p in (tmp_path / f"trial-{warm.best.number:04d}").iterdir()) == ["epochs-2", "epochs-4", "epochs-8"]


def test_failing_trials_are_recorded(tmp_path, capsys):
    result = strategy.random_search(failing, {"drop": Linear(0, 1)}, 9, journal=tmp_path / "j.json", verbose=1)
    assert [t.status for t in result.trials] == ["done", "failed", "failed"] * 3
    assert "ZeroDivisionError: trial 1 <&>" in result.trials[1].error and "must be a finite number" in result.trials[2].error
    assert result.best.number == min((0, 3, 6), key=lambda n: result.trials[n].params["drop"])
    assert "6 of 9 trials failed; trial 1: ZeroDivisionError" in str(result) and "trial 4: failed" in capsys.readouterr().out
    result.to_csv(tmp_path / "t.csv")
    rows = list(csv.DictReader(open(tmp_path / "t.csv", newline="")))
    assert len(rows) == 9 and rows[0]["note"] == "a,b" and float(rows[0]["drop"]) == result.best.params["drop"] and rows[-1]["score"] == ""
    assert "SystemExit: out of here" in result.trials[4].error
    apart = strategy.random_search(failing, {"drop": Linear(0, 1)}, 9, executor=2, verbose=0)
    assert [(t.status, t.score) for t in apart.trials] == [(t.status, t.score) for t in result.trials]
    again = strategy.random_search(bowl_of_drop, {"drop": Linear(0, 1)}, 9, journal=tmp_path / "j.json", verbose=0)
    assert sum(t.status == "failed" for t in again.trials) == 6                              # kept, unless asked for
    again = strategy.random_search(bowl_of_drop, {"drop": Linear(0, 1)}, 9, journal=tmp_path / "j.json", retry_failed=True, verbose=0)
    assert all(t.status == "done" for t in again.trials) and again.trials[1].score == -1.0 and again.trials[0].score == result.trials[0].score


def bowl_of_drop(trial):
    return -1.0


def test_a_search_leaves_the_global_seed_alone_and_sets_that_of_the_trial():
    def drawn(trial):
        return float(pydl.random.uniform(()).numpy())
    pydl.utils.set_random_seed(5)
    first = strategy.random_search(drawn, {"x": Linear(0, 1)}, 3, verbose=0)
    after = pydl.random.uniform((2,)).numpy()
    pydl.utils.set_random_seed(5)
    assert np.array_equal(after, pydl.random.uniform((2,)).numpy())
    assert outcome(first) == outcome(strategy.random_search(drawn, {"x": Linear(0, 1)}, 3, verbose=0))
    assert len({t.score for t in first.trials}) == 3


def test_a_dead_worker_stops_the_search_but_keeps_what_is_done(tmp_path):
    journal = tmp_path / "j.json"
    with pytest.raises(RuntimeError, match="executor could not run trial .*a worker may have died.*goes on from there"):
        strategy.random_search(dying, {"drop": Linear(0, 1)}, 6, executor=1, journal=journal, verbose=0)
    done = {run["number"] for run in json.loads(journal.read_text())["runs"]}
    assert done <= {0, 1, 2}
    with pytest.raises(RuntimeError, match="a function that a module defines"):
        strategy.random_search(lambda trial: 0.0, {"drop": Linear(0, 1)}, 2, executor=1, verbose=0)


# ---- journals --------------------------------------------------------------------------------------------------------

def test_a_journal_of_another_search_is_refused(tmp_path):
    journal = tmp_path / "j.json"
    first = strategy.random_search(bowl, SPACE, 4, journal=journal, verbose=0)
    for arguments, said in ((dict(seed=1), "seed"), (dict(goal="max"), "goal"), (dict(space={**SPACE, "rate": Log(1e-4, 1.0)}), "space")):
        with pytest.raises(ValueError, match=f"belongs to another search: its {said} is"):
            strategy.random_search(bowl, **{"space": SPACE, "trials": 4, "journal": journal, "verbose": 0, **arguments})
    counted = []
    more = strategy.random_search(lambda t: counted.append(t.number) or bowl(t), SPACE, 6, journal=journal, verbose=0)
    assert counted == [4, 5] and outcome(more)[:4] == outcome(first)
    rounds = [strategy.random_search(evaluate, SPACE, 4, rounds=3, journal=tmp_path / "r.json", verbose=0) for evaluate in (bowl, bowl_of_drop)]
    assert outcome(rounds[0]) == outcome(rounds[1])                     # the second evaluates nothing, and zooms in by the scores of the journal
    for text in ("", "[]", "{}", '{"journal": 1}', '{"journal": 1, "definition": {}, "runs": [{"number": 0}]}', "\x00\xff"):
        journal.write_text(text)
        with pytest.raises(FormatError, match="cannot be read"):
            strategy.random_search(bowl, SPACE, 4, journal=journal, verbose=0)


KILLED = """import sys, time
from pydl import strategy

def slow(trial):
    with open(sys.argv[2], "a") as log:
        log.write(f"begin {trial.number} {trial.epochs}\\n")
    time.sleep(0.02)
    return trial["x"] + 1 / trial.epochs

if __name__ == "__main__":
    result = strategy.successive_halving(slow, {"x": strategy.Linear(0, 1)}, 12, epochs=(1, 9), executor=int(sys.argv[3]) or None, journal=sys.argv[1],
                                         verbose=0)
    print([(t.number, t.params, t.score, t.status, t.epochs, t.curve) for t in result.trials])
"""


@pytest.mark.parametrize(("workers", "after"), [(0, 4), (2, 9)])
def test_a_search_killed_at_any_moment_goes_on_where_it_was(tmp_path, workers, after):
    script, journal, log = tmp_path / "search.py", tmp_path / "killed.json", tmp_path / "log"
    script.write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGE), str(Path(__file__).parent)])}

    def start():
        return subprocess.Popen([sys.executable, "-P", script, journal, log, str(workers)], stdout=subprocess.PIPE, text=True, env=environment,
                                start_new_session=True)

    def runs():
        return {(r["number"], r["epochs"]) for r in json.loads(journal.read_text())["runs"]} if journal.exists() else set()
    child, until = start(), time.monotonic() + 60
    while len(runs()) < after and child.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    assert child.poll() is None, "it ended before it could be killed"
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    before, begun = runs(), len(log.read_text().splitlines())
    assert after <= len(before) < 17
    child = start()
    resumed = child.communicate(timeout=60)[0]
    again = [tuple(map(int, line.split()[1:])) for line in log.read_text().splitlines()[begun:]]
    assert child.returncode == 0 and not set(again) & before and len(again) == 17 - len(before)      # nothing that was finished is done again
    whole = strategy.successive_halving(lambda t: t["x"] + 1 / t.epochs, {"x": Linear(0, 1)}, 12, epochs=(1, 9), verbose=0)
    assert resumed == f"{outcome(whole)}\n"


# ---- results ---------------------------------------------------------------------------------------------------------

def test_the_picture_and_the_table(tmp_path):
    result = strategy.successive_halving(lambda t: bowl(t) + 1 / t.epochs, {**SPACE, "<b>&name": Linear(0, 1)}, 9, epochs=(1, 9), verbose=0)
    root = ET.fromstring(result.plot(tmp_path / "s.svg").markup())
    said = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"rate", "units", "momentum", "<b>&name", "adam", "score as training goes on"} <= set(said) and "9 trials; best score" in said[0]
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) >= 9 * 7
    assert (tmp_path / "s.svg").exists() and str(result).splitlines()[2].split()[0] == str(result.best.number)
    assert "... and 7 more trials" in result.table(2) and len(set(result.rows()[0])) == len(result.rows()[0])    # one of the ranges is called epochs
    failed = strategy.random_search(lambda t: 1 / 0, SPACE, 2, verbose=0)
    assert failed.best is None and "ZeroDivisionError" in str(failed) and failed.plot().markup() and "2 failed" in failed.plot().markup()


def test_a_best_value_at_the_edge_is_told():
    result = strategy.random_search(lambda t: t["rate"] + t["n"], {"rate": Log(1e-4, 1.0), "n": Integer(1, 3)}, 30, verbose=0)
    assert "lies at the lower end of Log(0.0001, 1): search beyond it" in str(result) and "the best n, 1, lies at the lower end" in str(result)


# ---- bad input -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("make", "error", "said"), [
    (lambda: Linear(1, 1), ValueError, "low must be below high"), (lambda: Linear(0, float("inf")), ValueError, "high must be a finite"),
    (lambda: Log(0, 1), ValueError, "Log: low must be a finite number > 0"), (lambda: ReverseLog(0.9, 1.0), ValueError, "ReverseLog: high"),
    (lambda: Integer(3, 1), ValueError, "Integer: low"), (lambda: Integer(0, 5, log=True), ValueError, "Integer: low must be a positive integer"),
    (lambda: Integer(1.5, 2), TypeError, "Integer: low"), (lambda: Choice([]), ValueError, "must not be empty"), (lambda: Choice("relu"), TypeError, "options"),
    (lambda: Choice(["a", "a"]), ValueError, "'a' stands twice"), (lambda: Space({}), ValueError, "nothing to choose"),
    (lambda: Space({"a": [1, 2]}), TypeError, r"write Choice\(\[1, 2\]\)"), (lambda: Space({"a": Linear}), TypeError, "'a' must be Linear"),
    (lambda: Space({"a": Choice({"x": {"b": Linear(0, 1)}}), "b": 3}), ValueError, "the name 'b' depends on a choice"),
    (lambda: Space({3: Linear(0, 1)}), TypeError, "each name"), (lambda: Space({"a": Linear(0, 1)}).grid({"b": 2}), ValueError, "points names 'b'"),
    (lambda: strategy.random_search(3, SPACE), TypeError, "random_search: evaluate must be a function"),
    (lambda: strategy.random_search(bowl, 3), TypeError, "Space: expected a dict"),
    (lambda: strategy.random_search(bowl, SPACE, 0), ValueError, "trials"),
    (lambda: strategy.random_search(bowl, SPACE, shrink=0), ValueError, "shrink"),
    (lambda: strategy.random_search(bowl, SPACE, goal="up"), ValueError, "goal"),
    (lambda: strategy.random_search(bowl, SPACE, executor="four"), TypeError, "executor"),
    (lambda: strategy.random_search(bowl, SPACE, journal=3), TypeError, "journal"),
    (lambda: strategy.random_search(bowl, SPACE, verbose=float("inf")), TypeError, "random_search: verbose must be one of 0, 1"),
    (lambda: strategy.random_search(bowl, SPACE, verbose=None), TypeError, "random_search: verbose"),
    (lambda: strategy.grid_search(bowl, SPACE, verbose=2), ValueError, "grid_search: verbose"),
    (lambda: strategy.grid_search(bowl, SPACE, retry_failed="no"), TypeError, "grid_search: retry_failed must be True or False"),
    (lambda: strategy.grid_search(bowl, SPACE, points=0), ValueError, "points"),
    (lambda: strategy.successive_halving(bowl, SPACE, epochs=3), TypeError, "epochs"),
    (lambda: strategy.successive_halving(bowl, SPACE, epochs=(9, 1)), ValueError, "must not fall"),
    (lambda: strategy.successive_halving(bowl, SPACE, factor=1), ValueError, "factor"),
    (lambda: strategy.random_search(bowl, SPACE, 1, verbose=0).plot("a.png"), ValueError, "must end in .svg")])
def test_bad_arguments_are_named(make, error, said):
    with pytest.raises(error, match=said):
        make()
