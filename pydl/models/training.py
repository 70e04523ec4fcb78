"""compile, fit, evaluate: the loop around a recorded step."""
import warnings
import weakref

from pydl import optimizers, random, regularizers
from pydl.autodiff import backward
from pydl.backends import cpu as B
from pydl.callbacks import CallbackList
from pydl.capture import Step, Store
from pydl.data.dataset import is_stream
from pydl.errors import boolean, non_negative_int, one_of, positive_int
from pydl.layers.added import added_losses
from pydl.models.feed import ArrayFeed, StreamFeed, least
from pydl.models.objective import Objective
from pydl.models.predicting import Predicting, single
from pydl.ops import add
from pydl.tensor import made_by, no_grad


class Place:
    """Where fit is: the epoch, and how many of its batches are done.  Apart from the model, whose attributes take longer to set."""
    __slots__ = ("epoch", "batch")

    def __init__(self):
        self.epoch = self.batch = 0


class Training(Predicting):
    """The part of a model that learns.  A step is recorded twice per batch shape and replayed in C from then on."""

    def _start_training_state(self):
        self._steps = Store()
        self.optimizer = self.objective = self.compile_config = None
        self.run_eagerly = self.stop_training = False
        self.history = None
        self._fitting = False               # inside fit: what callbacks evaluate must leave its running means alone
        self.epochs_trained = 0             # of all fits together: it numbers the shuffles, so that 2 + 2 epochs are 4
        self.shuffle_seed = random.next_seed()
        self._place = Place()
        self._feed = None                   # what gives fit its batches, while it runs
        self.gradient_bytes = {}            # by what a step is called: the gradients of weights, alive until the update

    # ---- compile

    def compile(self, optimizer="rmsprop", loss=None, *, metrics=None, loss_weights=None, weighted_metrics=None, run_eagerly=False,
                steps_per_execution=1, jit_compile="auto"):
        """Say how to train: what to descend, how, and what to report.

        Args:      optimizer: an Optimizer or its name.
                   loss: a Loss, its name, or a function (y_true, y_pred) -> Tensor of a value per sample; a list or dict
                       of such for several outputs.
                   metrics: a list of metrics or names ("accuracy"); weighted_metrics: those that count sample weights.
                   loss_weights: a factor for each output's loss.
                   run_eagerly: never replay: for stepping through a model with a debugger.
                   steps_per_execution, jit_compile: taken for Keras's sake, checked and saved, and without effect: every step is one call into C
                       already, as long as it can be recorded, and callbacks are asked after each batch.
        Raises:    ValueError or TypeError naming the argument; unknown names come with the nearest known one.
        """
        who = f"{self.who}: compile"
        given = {"optimizer": optimizer, "loss": loss, "metrics": metrics, "loss_weights": loss_weights, "weighted_metrics": weighted_metrics,
                 "steps_per_execution": positive_int(who, "steps_per_execution", steps_per_execution),
                 "jit_compile": one_of(who, "jit_compile", jit_compile, ("auto", True, False))}
        self.run_eagerly = boolean(who, "run_eagerly", run_eagerly)
        self.optimizer = optimizers.get(optimizer)
        self.objective = None
        self.compile_config = given
        if self._known_outputs() is not None:
            self._objective(None)
        else:                                                   # check now what can be checked; outputs are known at the first data
            Objective(who, ["output"], loss if not isinstance(loss, dict) else None, None,
                      metrics if not isinstance(metrics, dict) else None, None)
        self._steps.clear()

    steps_per_execution = property(lambda self: (self.compile_config or {}).get("steps_per_execution", 1), doc="As `compile` was told.")
    jit_compile = property(lambda self: (self.compile_config or {}).get("jit_compile", "auto"), doc="As `compile` was told.")

    def _known_outputs(self):
        names = getattr(self, "output_names", None)
        if names:
            return list(names)
        return ["output"] if self.built and getattr(self, "inputs", None) else None

    def _objective(self, n_outputs):
        """The Objective, made when the outputs are known."""
        if self.objective is None:
            c = self.compile_config
            names = self._known_outputs() or (["output"] if n_outputs == 1 else [f"output_{i + 1}" for i in range(n_outputs)])
            self.objective = Objective(f"{self.who}: compile", names, c["loss"], c["loss_weights"], c["metrics"], c["weighted_metrics"])
        return self.objective

    def _need_compiled(self, who):
        if self.compile_config is None:
            raise ValueError(f"{self.who}: call compile(optimizer, loss) before {who}")

    @property
    def metrics_names(self):
        return [] if self.objective is None else ["loss"] + self.objective.keys[:-1]

    @property
    def metrics(self):
        """The running means that steps report, the loss first: objects of `pydl.metrics`."""
        return [] if self.objective is None else sorted(self.objective.metrics, key=lambda metric: metric is not self.objective.total)

    def reset_metrics(self):
        """Begin all running means anew."""
        self.objective_reset()

    # ---- the steps: functions of arrays, recorded and replayed

    def _loss_of(self, xs, ys, weights, training):
        """(total loss with all penalties, predictions)."""
        collected = []
        token = added_losses.set(collected)
        try:
            predictions = self._predictions(xs, training)
            objective = self._objective(len(predictions))
            ys = [None if y is None else made_by(y, None, 0) for y in ys]
            weights = [None if w is None else made_by(w, None, 0) for w in weights]
            total = self.compute_loss(*map(single, ([made_by(a, None, 0) for a in xs], ys, predictions, weights)), training)
        finally:
            added_losses.reset(token)
        for penalty in collected + regularizers.penalties(self.weights):
            total = penalty if total is None else add(total, penalty)
        if total is None:
            raise ValueError(f"{self.who}: there is no loss to train on: give compile a loss, or add one in a layer (add_loss)")
        objective.update(ys, predictions, weights, total)
        return total, predictions

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the loss of a batch as `compile` was told, a scalar Tensor; penalties of weights and of layers are added behind it.

        A model of yours may define its own, with `pydl.ops`: it is differentiated and recorded like the rest of the step.

        Args:      x, y, y_pred, sample_weight: Tensors; lists of them where there are several inputs or outputs.
        Returns:   a Tensor, or None if no output has a loss.
        """
        predictions = list(y_pred) if isinstance(y_pred, (list, tuple)) else [y_pred]
        ys, weights = (list(v) if isinstance(v, (list, tuple)) else [v] * len(predictions) if v is None else [v] for v in (y, sample_weight))
        return self._objective(len(predictions)).loss(ys, predictions, weights)

    def _train_arrays(self, xs, ys, weights):
        total, _ = self._loss_of(xs, ys, weights, True)
        parameters = self.trainable_weights
        if parameters:                                      # a frozen model has nothing to update
            gradients = backward(total, parameters, by_rows=True)
            self.gradient_bytes[f"train step, batch {len(xs[0])}"] = sum(getattr(g, "nbytes", 0) for g in gradients)      # rows of a table: none whole
            self.optimizer.apply([(g, p) for g, p in zip(gradients, parameters) if g is not None])
        return [total.array]

    def _test_arrays(self, xs, ys, weights):
        with no_grad():
            total, _ = self._loss_of(xs, ys, weights, False)
        return [total.array]

    def _step(self, kind, xs, ys=(), weights=()):
        """The Step for batches like these: lists of ndarrays (None for an output without target or weight)."""
        key = (kind, tuple([(a.shape, a.dtype.char) for a in xs]), tuple([None if a is None else (a.shape, a.dtype.char) for a in ys]),
               tuple([None if w is None else w.shape for w in weights]))

        def make():
            slots = [B.owned(a.shape, a.dtype) for part in (xs, ys, weights) for a in part if a is not None]
            model = weakref.ref(self)                           # a model holds its steps, with their arenas; they must not hold it

            def run(*arrays):
                waiting = iter(arrays)
                work = getattr(model(), f"_{kind}_arrays")
                return work(*[[None if a is None else next(waiting) for a in part] for part in (xs_like, ys_like, weights_like)])
            xs_like, ys_like, weights_like = [[a is not None or None for a in part] for part in (xs, ys, weights)]
            step = Step(run, slots, f"{self.who}: {kind} step")
            if self.run_eagerly:
                step.reason = "run_eagerly=True"
            return step
        return self._steps.get(key, make)

    def _forget_steps(self):
        """The structure changed: record anew."""
        self._steps.clear()
        self.objective = None

    def recorded_steps(self):
        """[(what, Step)] of the steps that replay."""
        return [(f"{key[0]} step, batch {key[1][0][0][0]}", step) for key, step in self._steps.items() if step.program is not None]

    def run_batch(self, step, arrays):
        """Fill a step's inputs with these ndarrays and run it; returns its results, valid until its next run."""
        with step.lock:
            for slot, values in zip(step.inputs, arrays):
                B.assign(slot, values)
            return step.run()

    # ---- fit

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, validation_split=0.0,
            validation_data=None, shuffle=True, class_weight=None, sample_weight=None, initial_epoch=0, steps_per_epoch=None,
            validation_steps=None, validation_batch_size=None, validation_freq=1):
        """Train on data for some epochs; return a `History`.

        Args:      x, y: inputs and targets, one row a sample; lists or dicts for several inputs or outputs.  x may also be a
                       `pydl.utils.PyDataset`, a generator or any iterable of batches (x, y) or (x, y, sample_weight).
                   batch_size: samples a step (32); the last batch of an epoch may be smaller.
                   epochs: the number of the epoch to stop before, counted from initial_epoch.
                   verbose: 0 silent, 1 a bar, 2 a line an epoch; "auto" is a bar on a terminal, else lines.
                   callbacks: a list of Callbacks.
                   validation_split: the share of the last rows to validate on, taken before any shuffling.
                   validation_data: (x, y) or (x, y, sample_weight), or a PyDataset or iterable of batches, instead.
                   shuffle: a new order (of rows; of a PyDataset's batches) each epoch, a function of the model's seed and the epoch alone.
                   class_weight: a dict from class to weight; sample_weight: one weight a row, or (rows, steps) for targets with steps;
                       of several outputs a list, or a dict by name (those not named count 1).
                   steps_per_epoch, validation_steps: stop an epoch (a validation) after so many batches; the next epoch goes on
                       with a generator where this one stopped, and begins anew with arrays, a PyDataset or an iterable.
                   validation_freq: validate every so many epochs, or after the epochs in a list.
        Raises:    ValueError or TypeError before the first step wherever data or arguments do not fit.
        """
        self._need_compiled("fit")
        who = f"{self.who}: fit"
        if self._feed is not None:
            raise ValueError(f"{who}: this model is being trained already; a callback, or another thread, cannot train it at the same time")
        epochs, initial_epoch = non_negative_int(who, "epochs", epochs), non_negative_int(who, "initial_epoch", initial_epoch)
        shuffle = boolean(who, "shuffle", shuffle)
        verbose = self._verbosity(who, verbose)
        for name, steps in (("steps_per_epoch", steps_per_epoch), ("validation_steps", validation_steps), ("validation_batch_size", validation_batch_size)):
            if steps is not None:
                positive_int(who, name, steps)
        if isinstance(validation_freq, (list, tuple, set)):
            for epoch in validation_freq:
                positive_int(who, "validation_freq", epoch)
        else:
            positive_int(who, "validation_freq", validation_freq)
        feed, held_out = self._feeds(who, x, y, sample_weight, class_weight, batch_size, shuffle, validation_split, validation_data, validation_batch_size)
        steps = least(feed.length, steps_per_epoch)
        try:
            for stream, count in ((feed, steps), (held_out, validation_steps)):
                if isinstance(stream, StreamFeed):
                    stream.expect(count, epochs - initial_epoch)
                    stream.first_batch(self.shuffle_seed, self.epochs_trained, least(stream.length, count))
            self.optimizer.build(self.trainable_weights)
            names = None if self.objective is None else self.objective.keys      # what the logs of an epoch will hold
            if names and held_out is not None:
                names = names + [f"val_{name}" for name in names]
            calls = CallbackList(callbacks, add_history=True, add_progbar=verbose != 0, model=self, verbose=verbose, epochs=epochs, steps=steps,
                                 metrics=names, validation_freq=validation_freq)
            self.history = calls.history
            self.stop_training = False
            self._place.epoch, self._place.batch, self._feed = initial_epoch, 0, feed
            calls.on_train_begin()
            self._fitting = True
            logs = self._epochs(who, feed, held_out, epochs, steps, validation_steps, validation_freq, calls)
        except BaseException:
            self._close(feed, held_out, wait=False)
            raise
        self._close(feed, held_out)
        self.optimizer.finalize_variable_values(self.trainable_weights)
        calls.on_train_end(logs)
        return self.history

    def _close(self, feed, held_out, wait=True):
        self._fitting, self._feed = False, None
        for stream in (feed, held_out):
            if stream is not None:
                stream.close(wait)

    def _epochs(self, who, feed, held_out, epochs, steps, validation_steps, validation_freq, calls):
        """Run the epochs from where training is; returns the logs of the last."""
        reports, logs, place = calls.wants("on_train_batch_end"), {}, self._place
        for epoch in range(place.epoch, epochs):
            if self.stop_training:
                break
            first = place.batch
            if not first:
                self.objective_reset()
            calls.on_epoch_begin(epoch)
            for i in feed.batches(self.shuffle_seed, self.epochs_trained, first, steps):
                calls.on_train_batch_begin(i)
                feed.run("train", i)
                place.batch = i + 1
                if reports:
                    calls.on_train_batch_end(i, self.objective.results())
                if self.stop_training:
                    break
            else:
                if place.batch < (steps or 1):
                    warnings.warn(f"{who}: x ran out of batches in epoch {epoch + 1}, after {place.batch} of {steps or 'at least one'}; training stops",
                                  UserWarning, stacklevel=3)
                    self.stop_training = True
                    if not place.batch:
                        break
            logs = self.objective.results()
            self.epochs_trained += 1
            place.epoch, place.batch = epoch + 1, 0
            if held_out is not None and self._validates(validation_freq, epoch):
                results = self._evaluate(held_out, validation_steps, calls)
                logs.update({f"val_{k}": v for k, v in results.items()})
            calls.on_epoch_end(epoch, logs)
        return logs

    def objective_reset(self):
        if self.objective is not None:
            self.objective.reset()

    @staticmethod
    def _validates(freq, epoch):
        return (epoch + 1) in freq if isinstance(freq, (list, tuple, set)) else (epoch + 1) % freq == 0

    # ---- evaluate, and single batches

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None, callbacks=None, return_dict=False):
        """Compute the loss and the metrics on data, in inference mode.

        Returns:   the loss, or [loss, metric, ...] if there are metrics; with return_dict a dict by name.
        """
        self._need_compiled("evaluate")
        who = f"{self.who}: evaluate"
        return_dict = boolean(who, "return_dict", return_dict)
        if steps is not None:
            positive_int(who, "steps", steps)
        verbose = self._verbosity(who, verbose)
        if is_stream(x):
            feed = self._stream(who, x, y, sample_weight, batch_size)
        else:
            batch = self._checked_data(who, x, y, sample_weight)
            batch.check_targets(self, who)
            feed = ArrayFeed(self, batch, 32 if batch_size is None else positive_int(who, "batch_size", batch_size))
        try:
            steps = least(feed.length, steps)
            if isinstance(feed, StreamFeed):
                feed.expect(steps, 1)
                feed.first_batch(0, self.epochs_trained, steps)
            calls = CallbackList(callbacks, add_progbar=verbose != 0, model=self, verbose=verbose, steps=steps)
            kept = self.objective.kept() if self._fitting else None
            results = self._evaluate(feed, steps, calls)
        except BaseException:
            feed.close(wait=False)
            raise
        feed.close()
        if kept is not None:
            self.objective.put_back(kept)
        if return_dict:
            return results
        ordered = [results["loss"]] + [v for k, v in results.items() if k != "loss"]
        return ordered[0] if len(ordered) == 1 else ordered

    def _evaluate(self, feed, steps, calls):
        self.objective_reset()
        calls.on_test_begin()
        reports, ran = calls.wants("on_test_batch_end"), False
        for i in feed.batches(0, self.epochs_trained, 0, least(feed.length, steps)):
            calls.on_test_batch_begin(i)
            feed.run("test", i)
            ran = True
            if reports:
                calls.on_test_batch_end(i, self.objective.results())
        if not ran:
            raise ValueError(f"{feed.who}: the generator has no batches left; give validation_steps, or something that can be gone through again")
        results = self.objective.results()
        calls.on_test_end(results)
        return results

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """Run one training step; return the loss, or [loss, metric, ...], of this batch."""
        return self._on_batch("train", x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """Compute loss and metrics of one batch, in inference mode."""
        return self._on_batch("test", x, y, sample_weight, None, return_dict)

    def _on_batch(self, kind, x, y, sample_weight, class_weight, return_dict):
        who = f"{self.who}: {kind}_on_batch"
        self._need_compiled(f"{kind}_on_batch")
        batch = self._checked_data(who, x, y, sample_weight, class_weight)
        batch.check_targets(self, who)
        step = self._step(kind, *batch.parts)
        if step.program is None:                                # a recorded step knows its parameters
            self.optimizer.build(self.trainable_weights)
        kept = self.objective.kept() if self._fitting else None
        self.objective_reset()
        self.run_batch(step, [a for part in batch.parts for a in part if a is not None])
        results = self.objective.results()
        if kept is not None:
            self.objective.put_back(kept)
        if return_dict:
            return results
        ordered = [results["loss"]] + [v for k, v in results.items() if k != "loss"]
        return ordered[0] if len(ordered) == 1 else ordered

    def _losses(self):
        return self.objective.losses if self.objective is not None else [self.compile_config["loss"] if self.compile_config else None]
