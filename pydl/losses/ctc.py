"""Connectionist temporal classification: a label sequence against a longer sequence of predictions, unaligned."""
import numpy as np

from pydl.autodiff import Op
from pydl.errors import ShapeError
from pydl.kernels._common import KernelError
from pydl.losses.base import Loss, reduced
from pydl.ops.operands import cast, numbers
from pydl.targets import floating, label_error


class CTCOp(Op):
    """-log p(labels) over all alignments with the steps that the mask, an Array or None, leaves.  Saves: logits and labels."""

    def __init__(self, who, mask=None): self.who, self.mask = who, mask

    def forward(self, B, labels, logits):
        loss = B.empty(logits.shape[:1], logits.dtype)
        try:
            B.ctc_loss_forward(logits, labels, self.mask, loss)
        except KernelError as error:
            raise sequence_error(self.who, labels.numpy(), error, logits.shape, self.mask is not None) from None
        self.labels, self.logits = labels, logits
        return loss

    def backward(self, B, dloss):
        dlogits = B.empty(self.logits.shape, dloss.dtype)
        B.ctc_loss_backward(dloss, self.logits, self.labels, self.mask, dlogits)
        return None, dlogits


def sequence_error(who, labels, error, shape, masked):
    """What is wrong with the labels: one is no class, or a sequence needs more steps than there are."""
    wrong = ~((labels >= 0) & (labels < shape[2]) & (labels == np.floor(labels)))
    if wrong.any():
        return label_error(who, labels, int(np.argmax(wrong.reshape(-1))), shape[2], ignorable=False)
    return ValueError(f"{who}: the labels of row {error.where} need {error.value} steps (one a label, one more between equal neighbours), "
                      f"y_pred has {error.limit}{' that the mask leaves' if masked else ''}")


def check_sequences(who, true_shape, pred_shape):
    if len(pred_shape) != 3 or len(true_shape) != 2 or true_shape[0] != pred_shape[0]:
        raise ShapeError(f"{who}: expected y_true (N, length) and y_pred (N, steps, classes), got {true_shape} and {pred_shape}")
    if pred_shape[2] == 0:
        raise ShapeError(f"{who}: y_pred has no classes, not even the blank: its shape is {pred_shape}")


def checked_mask(who, mask, shape):
    """The Array of a mask (N, steps) of bools; None for none."""
    if mask is None:
        return None
    mask = numbers(who, "mask", mask)
    if mask.shape != tuple(shape[:2]):
        raise ShapeError(f"{who}: mask must have shape {tuple(shape[:2])}, one value for each step of y_pred, got {mask.shape}")
    return cast(mask, "bool").array


def ctc(y_true, y_pred, mask=None):
    """Return -log of the probability of each row's label sequence, summed over all its alignments with the steps.

    Class 0 is the blank; rows of y_true are filled up with 0 at their end.  Computed in log space, in float64.

    Args:      mask: False where a step of y_pred is padding: it is not there, and has no gradient.
    Shapes:    y_true (N, length) integers, y_pred (N, steps, classes) logits, mask (N, steps) -> (N,)
    Gradients: y_pred.    Saves: nothing but its inputs.
    Raises:    ValueError for a label that is no class, and for a sequence that needs more steps than there are.
    Source:    Graves et al., Connectionist temporal classification, 2006, section 4.
    Example:
        >>> import pydl
        >>> round(pydl.losses.ctc([[1]], [[[0.0, 0.0]]]).item(), 4)      # one step, two classes, one alignment
        0.6931
    """
    y_true, y_pred = numbers("ctc", "y_true", y_true), floating(numbers("ctc", "y_pred", y_pred))
    check_sequences("ctc", y_true.shape, y_pred.shape)
    return CTCOp("ctc", checked_mask("ctc", mask, y_pred.shape))(y_true, y_pred)


class CTC(Loss):
    """The loss of unaligned label sequences: see `ctc`.  Steps that a mask calls padding are not there.

    Example:
        >>> import pydl
        >>> round(pydl.losses.CTC()([[1]], [[[0.0, 0.0]]]).item(), 4)
        0.6931
    """
    casts_targets = False

    def __init__(self, reduction="sum_over_batch_size", name="ctc", dtype=None):
        super().__init__(name, reduction, dtype)

    def call(self, y_true, y_pred, mask=None):
        check_sequences("CTC", y_true.shape, y_pred.shape)
        return CTCOp("CTC", checked_mask("CTC", mask, y_pred.shape))(y_true, y_pred)

    def __call__(self, y_true, y_pred, sample_weight=None, mask=None):
        if mask is None:
            return super().__call__(y_true, y_pred, sample_weight)
        y_true, y_pred = numbers("CTC", "y_true", y_true), floating(numbers("CTC", "y_pred", y_pred), self.dtype)
        return reduced("CTC", self.call(y_true, y_pred, mask), sample_weight, None, self.reduction)

    def check_targets(self, who, y_true, shape):
        check_sequences(who, y_true.shape, tuple(shape))
        wrong = ~((y_true >= 0) & (y_true < shape[2]) & (y_true == np.floor(y_true)))
        if wrong.any():
            raise label_error(who, y_true, int(np.argmax(wrong.reshape(-1))), shape[2], ignorable=False)
