"""What layers add to the loss: penalties of their weights, and what `add_loss` and activity regularizers say of a batch."""
from contextvars import ContextVar

from pydl import regularizers
from pydl.errors import ShapeError, show
from pydl.ops import multiply
from pydl.tensor import Tensor

added_losses = ContextVar("pydl_added_losses", default=None)    # the list that the running step, or outside of one the outermost call, collects in


class AddsLosses:
    """The part of a layer that adds to the loss."""

    def add_loss(self, loss):
        """Add a scalar Tensor, made in `call`, to the loss of the step that runs this layer; outside of steps see `losses`."""
        if not isinstance(loss, Tensor):
            raise TypeError(f"{self.who}: add_loss: expected a scalar Tensor, got {show(loss)}")
        if loss.size != 1:
            raise ShapeError(f"{self.who}: add_loss: expected a scalar Tensor, got shape {loss.shape}; take the mean or the sum")
        collected = added_losses.get()
        if collected is not None:
            collected.append(loss)

    def add_activity_penalty(self, out):
        """Add the penalty of the output, or of each of several: a share for each row, as in Keras, so that it weighs the same for any size of batch."""
        for y in out.values() if isinstance(out, dict) else out if isinstance(out, (list, tuple)) else [out]:
            penalty = self.activity_regularizer(y)
            self.add_loss(multiply(penalty, 1 / max(y.shape[0], 1)) if y.ndim else penalty)

    def collecting(self, run, *arguments):
        """Return run(*arguments); what it adds to the loss is kept for `losses`."""
        object.__setattr__(self, "_added", [])                  # those of the call before are let go first
        token = added_losses.set(self._added)
        try:
            return run(*arguments)
        finally:
            added_losses.reset(token)

    @property
    def losses(self):
        """The penalties of the weights that learn, as they are now, and what was added in the last call on arrays outside `fit`: scalar Tensors.

        `fit` adds them by itself; a loop of your own adds `sum(model.losses)` to its loss, after it called the model.
        """
        return regularizers.penalties(self.weights) + list(self.__dict__.get("_added", ()))
