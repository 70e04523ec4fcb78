"""predict: a recorded step without a loss."""
import numpy as np

from pydl.backends import cpu as B
from pydl.callbacks import CallbackList
from pydl.data.dataset import is_stream
from pydl.errors import one_of, positive_int, show
from pydl.layers.added import added_losses
from pydl.models.feed import Feeding, least
from pydl.tensor import Tensor, made_by, no_grad


def single(tensors):
    """The one tensor of a list of one, None for none, else the list."""
    return tensors[0] if len(tensors) == 1 else tensors or None


class Predicting(Feeding):
    """The part of a model that answers."""

    def _predictions(self, xs, training):
        inputs = [made_by(a, None, 0) for a in xs]
        out = self(inputs[0] if len(inputs) == 1 else inputs, training=training)
        flat = list(out.values()) if isinstance(out, dict) else list(out) if isinstance(out, (list, tuple)) else [out]
        for t in flat:
            if not isinstance(t, Tensor):
                raise TypeError(f"{self.who}: call must return Tensors, got {show(t)}")
        return flat

    def _predict_arrays(self, xs, ys, weights):
        token = added_losses.set([])                            # nobody asks for them, and a recorded step keeps nothing of its own alive
        try:
            with no_grad():
                return [t.array for t in self._predictions(xs, False)]
        finally:
            added_losses.reset(token)

    def predict(self, x, batch_size=None, verbose=0, steps=None, callbacks=None):
        """Return the outputs for data, in inference mode, as fresh ndarrays (a list of them for several outputs).

        Args:      x: one row a sample; or a PyDataset, generator or iterable of batches x, (x,) or (x, y), whose y is not used.
                   batch_size: rows at a time (32).
                   steps: stop after so many batches.
        """
        plain = type(x) is np.ndarray and batch_size is None and steps is None and callbacks is None and not verbose
        if plain:
            step = self._steps.recent((x.shape, x.dtype))       # a sample like one before needs no checks
            if step is not None:
                return self._predicted(step, [x])[0]
        who = f"{self.who}: predict"
        if is_stream(x):
            return self._predict_stream(who, x, batch_size, verbose, steps, callbacks)
        batch_size = 32 if batch_size is None else positive_int(who, "batch_size", batch_size)
        xs = self._checked_inputs(who, x)
        rows = len(xs[0])
        if rows <= batch_size and callbacks is None and not verbose and steps is None:
            outputs = self.predict_on_rows(xs)
            if plain and len(xs) == len(outputs) == 1 and xs[0].shape == x.shape and xs[0].dtype == x.dtype:
                self._steps.remember((x.shape, x.dtype), self._step("predict", xs))
            return outputs[0] if len(outputs) == 1 else outputs
        n = -(-rows // batch_size) if steps is None else min(positive_int(who, "steps", steps), -(-rows // batch_size))
        return self._predict_batches(who, n, range(n), lambda i: self.predict_on_rows([a[i * batch_size:(i + 1) * batch_size] for a in xs]), verbose, callbacks)

    def _predict_stream(self, who, x, batch_size, verbose, steps, callbacks):
        if steps is not None:
            positive_int(who, "steps", steps)
        feed = self._stream(who, x, batch_size=batch_size, predicting=True)
        try:
            steps = least(feed.length, steps)
            feed.expect(steps, 1)
            feed.first_batch(0, self.epochs_trained, steps)
            outputs = self._predict_batches(who, steps, feed.batches(0, self.epochs_trained, 0, steps), lambda i: feed.run("predict", i), verbose, callbacks)
        except BaseException:
            feed.close(wait=False)
            raise
        feed.close()
        return outputs

    def _predict_batches(self, who, steps, numbers, run, verbose, callbacks):
        verbose = self._verbosity(who, verbose)
        calls = CallbackList(callbacks, add_progbar=verbose != 0, model=self, verbose=verbose, steps=steps)
        calls.on_predict_begin()
        parts, reports = [], calls.wants("on_predict_batch_end")
        for i in numbers:
            calls.on_predict_batch_begin(i)
            parts.append(run(i))
            if reports:
                calls.on_predict_batch_end(i, {"outputs": single(parts[-1])})
        calls.on_predict_end()
        outputs = [np.concatenate(p) for p in zip(*parts)]
        return outputs[0] if len(outputs) == 1 else outputs

    def predict_on_rows(self, xs):
        """One prediction step on checked ndarrays; returns copies of the outputs."""
        return self._predicted(self._step("predict", xs), xs)

    @staticmethod
    def _predicted(step, xs):
        lane = step.take()
        try:
            for slot, values in zip(lane.inputs, xs):
                B.assign(slot, values)
            return [np.array(a) for a in lane.run()]
        finally:
            step.give(lane)

    def predict_on_batch(self, x):
        """Return the outputs for one batch."""
        outputs = self.predict_on_rows(self._checked_inputs(f"{self.who}: predict_on_batch", x))
        return outputs[0] if len(outputs) == 1 else outputs

    @staticmethod
    def _verbosity(who, verbose):
        if verbose is True or verbose is False:
            return int(verbose)
        return one_of(who, "verbose", verbose, ("auto", 0, 1, 2)) if isinstance(verbose, str) else one_of(who, "verbose", verbose, (0, 1, 2))
