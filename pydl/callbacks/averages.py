"""SwapEMAWeights: validation and saving with the running means of the weights."""
from pydl.callbacks.base import Callback
from pydl.errors import boolean


class SwapEMAWeights(Callback):
    """Put the running means of the weights in their place while the model is tested, or from the end of an epoch to the next.

    The optimizer must keep them: use_ema=True.

    Args:      swap_on_epoch: exchange at the end of each epoch and back at the beginning of the next, so that checkpoints hold
                   the means; by default for evaluation, validation and prediction only.
    Raises:    ValueError at the start of fit if the optimizer keeps no means.
    Example:
        >>> import numpy as np, pydl
        >>> model = pydl.Sequential([pydl.layers.Input((1,)), pydl.layers.Dense(1)])
        >>> model.compile(pydl.optimizers.SGD(0.1, use_ema=True), "mse")
        >>> x = np.ones((8, 1))
        >>> model.fit(x, x, validation_data=(x, x), callbacks=[pydl.callbacks.SwapEMAWeights()], verbose=0).epoch
        [0]
    """

    def __init__(self, swap_on_epoch=False):
        super().__init__()
        self.swap_on_epoch = boolean("SwapEMAWeights", "swap_on_epoch", swap_on_epoch)
        self.swapped = self._resumed = False

    def _swap(self, wanted):
        if self.swapped != wanted:
            self.model.optimizer.swap_averages(self.model.trainable_weights)
            self.swapped = wanted

    def on_train_begin(self, logs=None):
        if not self.model.optimizer.use_ema:
            raise ValueError("SwapEMAWeights: the optimizer keeps no running means; compile with an optimizer that has use_ema=True")
        if not self._resumed:
            self.swapped = False
        self._resumed = False

    def on_epoch_begin(self, epoch, logs=None):
        self._swap(False)

    def on_epoch_end(self, epoch, logs=None):
        if self.swap_on_epoch:
            self._swap(True)

    def _around_a_look(self):
        return not self.swap_on_epoch and self.model.optimizer is not None and self.model.optimizer.use_ema

    def on_test_begin(self, logs=None):
        if self._around_a_look():
            self._swap(True)

    def on_test_end(self, logs=None):
        if self._around_a_look():
            self._swap(False)

    def on_predict_begin(self, logs=None):
        self.on_test_begin()

    def on_predict_end(self, logs=None):
        self.on_test_end()

    def get_state(self):
        return {"swapped": self.swapped}

    def set_state(self, state):
        self.swapped, self._resumed = bool(state["swapped"]), True
