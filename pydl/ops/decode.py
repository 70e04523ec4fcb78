"""Decoding of connectionist temporal classification: from scores at every step to a sequence of labels."""
import numpy as np

from pydl.autodiff import Op
from pydl.errors import ShapeError, boolean, integer, one_of, positive_int, show
from pydl.kernels._common import KernelError
from pydl.ops.operands import cast, tensor
from pydl.tensor import no_grad

MOST_CLASSES = 2**31 - 1            # labels are int32


class CTCDecodeOp(Op):
    """Results labels (paths, N, steps) int32 and scores (N, paths); a greedy search has one path, and scores of its own kind."""

    def __init__(self, beam_width, paths, merge, blank):
        self.beam_width, self.paths, self.merge, self.blank = beam_width, paths, merge, blank

    def forward(self, B, logits, lengths):
        n, steps, _ = logits.shape
        labels, score = B.empty((self.paths, n, steps), "int32"), B.empty((n, self.paths), logits.dtype)
        try:
            if self.beam_width is None:
                B.ctc_greedy(logits, lengths, self.blank, self.merge, labels.reshape((n, steps)), score.reshape((n,)))
            else:
                B.ctc_beam(logits, lengths, self.blank, self.beam_width, self.paths, labels, score)
        except KernelError as error:
            raise _error(error, np.asarray(lengths), steps) from None
        return labels, score


def _error(error, lengths, steps):
    wrong = np.flatnonzero(~((lengths >= 0) & (lengths <= steps)))
    if wrong.size:
        return ValueError(f"ctc_decode: sequence_lengths has {lengths[wrong[0]]} at row {wrong[0]}, inputs have {steps} steps")
    row, step = divmod(error.where, steps)
    return ValueError(f"ctc_decode: inputs have no finite largest score at row {row}, step {step}: NaN, infinity or nothing that can be")


def ctc_decode(inputs, sequence_lengths, strategy="greedy", beam_width=100, top_paths=1, merge_repeated=True, mask_index=0):
    """Return (labels, scores): the label sequences that the scores of a CTC model stand for.

    "greedy" takes the best class of each step, then one of equal neighbours, then leaves the blanks out.  "beam_search" keeps, step by step,
    the beam_width likeliest label sequences, each with the sum over all its alignments, in log space and float64.
    Of equal scores the lower class wins; of equal sequences the one whose beginning was likelier.

    Args:      inputs: logits, as for `losses.CTC`.
               sequence_lengths: how many steps of each row count.
               strategy: "greedy" or "beam_search".
               beam_width: sequences kept at each step.    top_paths: how many of them to return, the likeliest first; one for "greedy".
               merge_repeated: for "greedy", whether equal neighbours are one label.
               mask_index: the class of the blank; None is the last one.
    Shapes:    inputs (N, steps, classes), sequence_lengths (N,) -> labels (top_paths, N, steps) int32, -1 behind the end of each;
               scores (N, top_paths): the log of the probability, -infinity where there are fewer sequences; for "greedy" (N, 1), minus the sum
               of the best logits, as in Keras.
    Gradients: none.
    Raises:    ValueError for a length beyond the steps, and for NaN or infinite scores, naming the row.
    Source:    Graves et al., Connectionist temporal classification, 2006; Hannun et al., First-pass large vocabulary continuous speech
               recognition using bi-directional recurrent DNNs, 2014, algorithm 1.
    Example:
        >>> from pydl import ops
        >>> labels, scores = ops.ctc_decode([[[0.1, 0.4, 0.2], [0.3, -0.3, 0.4], [0.3, 0.2, 0.4]]], [3])
        >>> labels.numpy().tolist()
        [[[1, 2, -1]]]
    """
    who = "ctc_decode"
    inputs, lengths = tensor(who, inputs), tensor(who, sequence_lengths)
    if inputs.dtype.kind != "f":
        inputs = cast(inputs, "float32")
    if inputs.ndim != 3 or lengths.shape != inputs.shape[:1]:
        raise ShapeError(f"{who}: expected inputs (N, steps, classes) and sequence_lengths (N,), got {inputs.shape} and {lengths.shape}")
    if lengths.dtype.kind not in "iu":
        raise TypeError(f"{who}: sequence_lengths must be integers, got {lengths.dtype.name}")
    classes = inputs.shape[2]
    if not 0 < classes <= MOST_CLASSES:
        raise ShapeError(f"{who}: inputs need at least one class on their last axis, got {inputs.shape}")
    blank = classes - 1 if mask_index is None else integer(who, "mask_index", mask_index, -classes, classes - 1) % classes
    greedy = one_of(who, "strategy", strategy, ("greedy", "beam_search")) == "greedy"
    beam_width, top_paths = positive_int(who, "beam_width", beam_width), positive_int(who, "top_paths", top_paths)
    merge_repeated = boolean(who, "merge_repeated", merge_repeated)
    if greedy and top_paths != 1:
        raise ValueError(f"{who}: a greedy search has one path, got top_paths={show(top_paths)}; use strategy='beam_search'")
    if not greedy and top_paths > beam_width:
        raise ValueError(f"{who}: a beam of {beam_width} holds no {top_paths} paths")
    with no_grad():
        return CTCDecodeOp(None if greedy else beam_width, top_paths, merge_repeated, blank)(inputs, lengths)
