"""compile, fit, evaluate, predict: the loop around a recorded step."""
import weakref

import numpy as np

from pydl import optimizers, random, regularizers
from pydl.autodiff import backward
from pydl.backends import cpu as B
from pydl.callbacks import CallbackList
from pydl.capture import Step, Store
from pydl.data import arrays as data
from pydl.errors import boolean, non_negative_int, one_of, positive_int, show
from pydl.kernels._common import borrowed, get_cpu_level, get_num_threads, settings_version
from pydl.layers.base import added_losses
from pydl.models import report
from pydl.models.objective import Objective
from pydl.ops import add
from pydl.tensor import Tensor, made_by, no_grad, structure_version


class Training:
    """The part of a model that learns.  A step is recorded twice per batch shape and replayed in C from then on."""

    def _start_training_state(self):
        self._steps = Store()
        self.optimizer = self.objective = self.compile_config = None
        self.run_eagerly = self.stop_training = False
        self.history = None
        self._fitting = False               # inside fit: what callbacks evaluate must leave its running means alone
        self.epochs_trained = 0             # of all fits together: it numbers the shuffles, so that 2 + 2 epochs are 4
        self.shuffle_seed = random.next_seed()

    # ---- compile

    def compile(self, optimizer="rmsprop", loss=None, *, metrics=None, loss_weights=None, weighted_metrics=None, run_eagerly=False):
        """Say how to train: what to descend, how, and what to report.

        Args:      optimizer: an Optimizer or its name.
                   loss: a Loss, its name, or a function (y_true, y_pred) -> Tensor of a value per sample; a list or dict
                       of such for several outputs.
                   metrics: a list of metrics or names ("accuracy"); weighted_metrics: those that count sample weights.
                   loss_weights: a factor for each output's loss.
                   run_eagerly: never replay: for stepping through a model with a debugger.
        Raises:    ValueError or TypeError naming the argument; unknown names come with the nearest known one.
        """
        who = f"{self.who}: compile"
        given = {"optimizer": optimizer, "loss": loss, "metrics": metrics, "loss_weights": loss_weights, "weighted_metrics": weighted_metrics}
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
        return [] if self.objective is None else ["loss"] + [m.name for m in self.objective.metrics if m.name != "loss"]

    # ---- the steps: functions of arrays, recorded and replayed

    def _predictions(self, xs, training):
        inputs = [made_by(a, None, 0) for a in xs]
        out = self(inputs[0] if len(inputs) == 1 else inputs, training=training)
        flat = list(out.values()) if isinstance(out, dict) else list(out) if isinstance(out, (list, tuple)) else [out]
        for t in flat:
            if not isinstance(t, Tensor):
                raise TypeError(f"{self.who}: call must return Tensors, got {show(t)}")
        return flat

    def _loss_of(self, xs, ys, weights, training):
        """(total loss with all penalties, predictions)."""
        collected = []
        token = added_losses.set(collected)
        try:
            predictions = self._predictions(xs, training)
            objective = self._objective(len(predictions))
            ys = [None if y is None else made_by(y, None, 0) for y in ys]
            weights = [None if w is None else made_by(w, None, 0) for w in weights]
            total = objective.loss(ys, predictions, weights)
        finally:
            added_losses.reset(token)
        for penalty in collected + regularizers.penalties(self.weights):
            total = penalty if total is None else add(total, penalty)
        if total is None:
            raise ValueError(f"{self.who}: there is no loss to train on: give compile a loss, or add one in a layer (add_loss)")
        objective.update(ys, predictions, weights, total)
        return total, predictions

    def _train_arrays(self, xs, ys, weights):
        total, _ = self._loss_of(xs, ys, weights, True)
        parameters = self.trainable_weights
        if parameters:                                      # a frozen model has nothing to update
            gradients = backward(total, parameters)
            self.optimizer.apply([(g, p) for g, p in zip(gradients, parameters) if g is not None])
        return [total.array]

    def _test_arrays(self, xs, ys, weights):
        with no_grad():
            total, _ = self._loss_of(xs, ys, weights, False)
        return [total.array]

    def _predict_arrays(self, xs, ys, weights):
        with no_grad():
            return [t.array for t in self._predictions(xs, False)]

    def _step(self, kind, xs, ys=(), weights=()):
        """The Step for batches like these: lists of ndarrays (None for an output without target or weight)."""
        key = (kind, tuple([(a.shape, a.dtype.char) for a in xs]), tuple([None if a is None else (a.shape, a.dtype.char) for a in ys]),
               tuple([w is not None for w in weights]))

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
        """Train on arrays for some epochs; return a `History`.

        Args:      x, y: inputs and targets, one row a sample; lists or dicts for several inputs or outputs.
                   batch_size: samples a step (32); the last batch of an epoch may be smaller.
                   epochs: the number of the epoch to stop before, counted from initial_epoch.
                   verbose: 0 silent, 1 a bar, 2 a line an epoch; "auto" is a bar on a terminal, else lines.
                   callbacks: a list of Callbacks.
                   validation_split: the share of the last rows to validate on, taken before any shuffling.
                   validation_data: (x, y) or (x, y, sample_weight), instead.
                   shuffle: a new order each epoch, a function of the model's seed and the epoch alone.
                   class_weight: a dict from class to weight; sample_weight: one weight a row.
                   steps_per_epoch, validation_steps: stop an epoch (a validation) after so many batches.
                   validation_freq: validate every so many epochs, or after the epochs in a list.
        Raises:    ValueError or TypeError before the first step wherever data or arguments do not fit.
        """
        self._need_compiled("fit")
        who = f"{self.who}: fit"
        epochs, initial_epoch = non_negative_int(who, "epochs", epochs), non_negative_int(who, "initial_epoch", initial_epoch)
        batch_size = 32 if batch_size is None else positive_int(who, "batch_size", batch_size)
        shuffle = boolean(who, "shuffle", shuffle)
        verbose = self._verbosity(who, verbose)
        for name, steps in (("steps_per_epoch", steps_per_epoch), ("validation_steps", validation_steps), ("validation_batch_size", validation_batch_size)):
            if steps is not None:
                positive_int(who, name, steps)
        if not isinstance(validation_freq, (list, tuple, set)):
            positive_int(who, "validation_freq", validation_freq)
        batch = self._checked_data(who, x, y, sample_weight, class_weight)
        held_out = None
        if validation_data is not None:
            if validation_split:
                raise ValueError(f"{who}: give validation_split or validation_data, not both")
            if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
                raise TypeError(f"{who}: validation_data must be (x, y) or (x, y, sample_weight), got {show(validation_data)}")
            held_out = self._checked_data(f"{who}: validation_data", *validation_data)
        elif validation_split:
            held_out = batch.split_off(who, validation_split)
        batch.check_targets(self, who)
        if held_out is not None:
            held_out.check_targets(self, who)
        self.optimizer.build(self.trainable_weights)
        feed = Feed(batch, batch_size)
        order = B.owned((batch.rows,), "int64")
        if not shuffle:
            B.assign(order, np.arange(batch.rows))
        steps = len(feed.sizes) if steps_per_epoch is None else min(steps_per_epoch, len(feed.sizes))
        names = None if self.objective is None else [m.name for m in self.objective.metrics]      # what the logs of an epoch will hold
        if names and held_out is not None:
            names = names + [f"val_{name}" for name in names]
        calls = CallbackList(callbacks, add_history=True, add_progbar=verbose != 0, model=self, verbose=verbose, epochs=epochs, steps=steps,
                             metrics=names, validation_freq=validation_freq)
        self.history = calls.history
        self.stop_training = False
        calls.on_train_begin()
        reports, logs = calls.wants("on_train_batch_end"), {}
        self._fitting = True
        try:
            for epoch in range(initial_epoch, epochs):
                self.objective_reset()
                calls.on_epoch_begin(epoch)
                if shuffle:
                    random.permutation_into(order, self.shuffle_seed, self.epochs_trained)
                for i in range(steps):
                    calls.on_train_batch_begin(i)
                    feed.run(self, "train", i, order)
                    if reports:
                        calls.on_train_batch_end(i, self.objective.results())
                    if self.stop_training:
                        break
                logs = self.objective.results()
                self.epochs_trained += 1
                if held_out is not None and self._validates(validation_freq, epoch):
                    results = self._evaluate(held_out, validation_batch_size or batch_size, validation_steps, calls)
                    logs.update({f"val_{k}": v for k, v in results.items()})
                calls.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
        finally:
            self._fitting = False
        self.optimizer.finalize_variable_values(self.trainable_weights)
        calls.on_train_end(logs)
        return self.history

    def objective_reset(self):
        if self.objective is not None:
            self.objective.reset()

    @staticmethod
    def _validates(freq, epoch):
        return (epoch + 1) in freq if isinstance(freq, (list, tuple, set)) else (epoch + 1) % freq == 0

    @staticmethod
    def _verbosity(who, verbose):
        if verbose is True or verbose is False:
            return int(verbose)
        return one_of(who, "verbose", verbose, ("auto", 0, 1, 2)) if isinstance(verbose, str) else one_of(who, "verbose", verbose, (0, 1, 2))

    # ---- evaluate and predict

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None, callbacks=None, return_dict=False):
        """Compute the loss and the metrics on data, in inference mode.

        Returns:   the loss, or [loss, metric, ...] if there are metrics; with return_dict a dict by name.
        """
        self._need_compiled("evaluate")
        who = f"{self.who}: evaluate"
        batch_size = 32 if batch_size is None else positive_int(who, "batch_size", batch_size)
        if steps is not None:
            positive_int(who, "steps", steps)
        verbose = self._verbosity(who, verbose)
        batch = self._checked_data(who, x, y, sample_weight)
        batch.check_targets(self, who)
        n = -(-batch.rows // batch_size)
        calls = CallbackList(callbacks, add_progbar=verbose != 0, model=self, verbose=verbose, steps=n)
        kept = self.objective.kept() if self._fitting else None
        results = self._evaluate(batch, batch_size, steps, calls)
        if kept is not None:
            self.objective.put_back(kept)
        if return_dict:
            return results
        ordered = [results["loss"]] + [v for k, v in results.items() if k != "loss"]
        return ordered[0] if len(ordered) == 1 else ordered

    def _evaluate(self, batch, batch_size, steps, calls):
        feed = Feed(batch, batch_size)
        order = B.owned((batch.rows,), "int64")
        B.assign(order, np.arange(batch.rows))
        self.objective_reset()
        calls.on_test_begin()
        reports = calls.wants("on_test_batch_end")
        for i in range(len(feed.sizes) if steps is None else min(steps, len(feed.sizes))):
            calls.on_test_batch_begin(i)
            feed.run(self, "test", i, order)
            if reports:
                calls.on_test_batch_end(i, self.objective.results())
        results = self.objective.results()
        calls.on_test_end(results)
        return results

    def predict(self, x, batch_size=None, verbose=0, steps=None, callbacks=None):
        """Return the outputs for data, in inference mode, as fresh ndarrays (a list of them for several outputs).

        Args:      x: one row a sample; batch_size: rows at a time (32).
        """
        batch_size = 32 if batch_size is None else positive_int(f"{self.who}: predict", "batch_size", batch_size)
        xs = self._checked_inputs(f"{self.who}: predict", x)
        rows = len(xs[0])
        if rows <= batch_size and callbacks is None and not verbose and steps is None:
            outputs = self.predict_on_rows(xs)
            return outputs[0] if len(outputs) == 1 else outputs
        n = -(-rows // batch_size) if steps is None else min(positive_int(f"{self.who}: predict", "steps", steps), -(-rows // batch_size))
        verbose = self._verbosity(f"{self.who}: predict", verbose)
        calls = CallbackList(callbacks, add_progbar=verbose != 0, model=self, verbose=verbose, steps=n)
        calls.on_predict_begin()
        parts = []
        for i in range(n):
            calls.on_predict_batch_begin(i)
            parts.append(self.predict_on_rows([a[i * batch_size:(i + 1) * batch_size] for a in xs]))
            calls.on_predict_batch_end(i)
        calls.on_predict_end()
        outputs = [np.concatenate(p) for p in zip(*parts)]
        return outputs[0] if len(outputs) == 1 else outputs

    def predict_on_rows(self, xs):
        """One prediction step on checked ndarrays; returns copies of the outputs."""
        step = self._step("predict", xs)
        with step.lock:
            for slot, values in zip(step.inputs, xs):
                B.assign(slot, values)
            return [np.array(a) for a in step.run()]

    def predict_on_batch(self, x):
        """Return the outputs for one batch."""
        outputs = self.predict_on_rows(self._checked_inputs(f"{self.who}: predict_on_batch", x))
        return outputs[0] if len(outputs) == 1 else outputs

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
        self.optimizer.build(self.trainable_weights)
        kept = self.objective.kept() if self._fitting else None
        self.objective_reset()
        self.run_batch(self._step(kind, *batch.parts), [a for part in batch.parts for a in part if a is not None])
        results = self.objective.results()
        if kept is not None:
            self.objective.put_back(kept)
        if return_dict:
            return results
        ordered = [results["loss"]] + [v for k, v in results.items() if k != "loss"]
        return ordered[0] if len(ordered) == 1 else ordered

    def _profiled(self, x, y, repeats):
        who = f"{self.who}: profile"
        positive_int(who, "repeats", repeats)
        if y is None:
            parts, kind = [self._checked_inputs(who, x), [], []], "predict"
        else:
            self._need_compiled("profile")
            batch = self._checked_data(who, x, y, None)
            batch.check_targets(self, who)
            self.optimizer.build(self.trainable_weights)
            parts, kind = batch.parts, "train"
        step = self._step(kind, *parts)
        for _ in range(3):
            self.run_batch(step, [a for part in parts for a in part if a is not None])
        if step.program is None:
            raise RuntimeError(f"{who}: this step cannot be replayed, so it has no profile: {step.reason}")
        with step.lock:
            rows, wall = report.profile_rows(step.program, repeats)
        header = {"what": f"{self.who}: {kind} step, batch {len(parts[0][0])}", "wall": wall, "threads": get_num_threads(),
                  "level": get_cpu_level(), "arena": step.program.nbytes, "requested": step.program.requested}
        return rows, header

    # ---- data

    def _checked_inputs(self, who, x):
        """The inputs as ndarrays of the model's dtype (integers stay); builds the model if needed."""
        if x is None:
            raise TypeError(f"{who}: x is required")
        declared = getattr(self, "inputs", None)
        if declared:
            names = self.input_names
            if len(names) == 1 and type(x) is np.ndarray:
                xs = [data.as_batch(who, "x", x, self.dtype)]
            else:
                xs = data.as_batches(who, "x", x, names, self.dtype)
            for i, (a, symbol) in enumerate(zip(xs, declared)):
                if symbol.dtype.kind == "f" and a.dtype != self.dtype:
                    xs[i] = a.astype(self.dtype)
                self.check_declared(who, names[i], symbol.shape, a.shape)
            return xs
        several = isinstance(x, (list, tuple)) and len(x) > 0 and all(getattr(a, "ndim", 0) > 0 for a in x)
        xs = data.as_batches(who, "x", x, [f"input_{i}" for i in range(len(x))] if several else ("input",), self.dtype)
        if not self.built:
            self.build_from(xs)
        return xs

    def _checked_data(self, who, x, y, sample_weight=None, class_weight=None):
        if hasattr(x, "__next__") or callable(x):
            raise TypeError(f"{who}: x must be an array (or a list or dict of arrays), got {show(x)}; "
                            "collect a generator's batches, or call train_on_batch on each")
        xs = self._checked_inputs(who, x)
        if y is None and any(entry is not None for entry in self._losses()):
            raise TypeError(f"{who}: y is required: the loss compares it with the model's output")
        names = self._known_outputs() or (["output"] if not isinstance(y, (list, tuple)) else [f"output_{i + 1}" for i in range(len(y))])
        ys = [] if y is None else data.as_batches(who, "y", y, names, self.dtype)
        rows = data.check_lengths(who, {**{f"x{i or ''}": a for i, a in enumerate(xs)}, **{f"y{i or ''}": a for i, a in enumerate(ys)}})
        weights = [None] * len(ys)
        if sample_weight is not None:
            given = sample_weight if isinstance(sample_weight, (list, tuple)) and len(ys) > 1 else [sample_weight] * max(1, len(ys))
            weights = [None if w is None else data.as_sample_weight(who, w, rows, self.dtype) for w in given]
        if class_weight is not None:
            if len(ys) != 1:
                raise ValueError(f"{who}: class_weight needs a model with one output; use sample_weight")
            weights = [data.class_weights_to_sample_weights(who, class_weight, ys[0], weights[0], self.dtype)]
        return Batch(xs, ys, weights, rows)

    def _losses(self):
        return self.objective.losses if self.objective is not None else [self.compile_config["loss"] if self.compile_config else None]


class Batch:
    """Checked data: inputs, targets and weights as lists of ndarrays with the same number of rows."""

    def __init__(self, xs, ys, weights, rows):
        self.parts, self.rows = (xs, ys, weights), rows

    def split_off(self, who, fraction):
        """Take the last rows out into a Batch of their own."""
        flat = [a for part in self.parts for a in part]
        first, last = data.split_validation(who, fraction, flat, self.parts[1][0] if self.parts[1] else None)

        def grouped(arrays):
            waiting = iter(arrays)
            return tuple([next(waiting) for _ in part] for part in self.parts)
        held_out = Batch(*grouped(last), len(last[0]))
        self.parts, self.rows = grouped(first), len(first[0])
        return held_out

    def check_targets(self, model, who):
        """Labels out of range and targets of the wrong shape are refused before the first step changes a weight."""
        ys = self.parts[1]
        if not ys:
            return
        shapes = model.declared_output_shapes() or [None] * len(ys)
        if len(shapes) != len(ys):
            raise ValueError(f"{who}: the model has {len(shapes)} outputs, y has {len(ys)}")
        objective = model._objective(len(shapes))
        for name, loss, y, shape in zip(objective.names, objective.losses, ys, shapes):
            if loss is not None and shape is not None:
                loss.check_targets(f"{who}: output '{name}'" if len(ys) > 1 else who, y, (self.rows, *shape[1:]))


class Feed:
    """Batches of data set into the inputs of a model's steps, in a given order, by C kernels."""

    def __init__(self, batch, batch_size):
        self.batch = batch
        self.sizes = [min(batch_size, batch.rows - start) for start in range(0, batch.rows, batch_size)]
        self.batch_size, self.steps = batch_size, {}
        self.sources = [borrowed(a) for part in batch.parts for a in part if a is not None]

    def run(self, model, kind, i, order):
        """Run batch i: the rows order[i * batch_size : ...]."""
        size = self.sizes[i]
        version, step = self.steps.get(size, (None, None))
        if version != (settings_version(), structure_version()):
            step = model._step(kind, *[[None if a is None else a[:size] for a in part] for part in self.batch.parts])
            self.steps[size] = (settings_version(), structure_version()), step
        index = order.rows(i * self.batch_size, i * self.batch_size + size)
        with step.lock:
            for source, slot in zip(self.sources, step.inputs):
                B.gather_rows(source, index, slot)
            return step.run()
