"""Masks of padding on their way from layer to layer."""
import functools
import warnings

from pydl.ops import flip
from pydl.tensor import as_tensor


class Masks:
    """The part of a layer that hands masks on: of (N, T) bools, False where a step of a sequence is padding."""
    supports_masking = False            # whether the mask of the input is that of the output; None: the layer sees to it

    def compute_mask(self, inputs, previous_mask=None):
        """Return the mask of the output, for an input with this mask: the same one where the layer has steps for steps, else None.

        A layer of yours that changes which steps there are, or says which are padding, sets `supports_masking = True` and defines its own: it is
        asked in each call, also where the input has no mask.
        """
        return previous_mask if self.supports_masking else None


class MasksOfSteps(Masks):
    """The same part of a recurrent layer, which says `return_sequences` and `go_backwards`."""

    def compute_mask(self, inputs, previous_mask=None):
        """Return the mask of the output as it stands, in the order in which the steps were taken; None where it has no steps."""
        if previous_mask is None or not self.return_sequences:
            return None
        return flip(as_tensor(previous_mask), 1) if self.go_backwards else previous_mask


@functools.cache
def _own_mask(cls):
    return cls.compute_mask is not Masks.compute_mask


def hand_on(layer, x, mask, out, used):
    """Put the mask of a layer's input x on its output, or say that it ends here.  used: the layer was given it."""
    if layer.supports_masking:
        if _own_mask(type(layer)):
            mask = layer.compute_mask(x, [getattr(one, "mask", None) for one in x] if isinstance(x, list) else mask)
        if mask is not None:
            for y, one in zip(out, mask) if isinstance(mask, (list, tuple)) else [(out, mask)]:
                y.mask = None if one is None else as_tensor(one)
    elif mask is not None and layer.supports_masking is False and not used and not layer.__dict__.get("_mask_lost"):
        object.__setattr__(layer, "_mask_lost", True)
        warnings.warn(f"{layer.who}: its input says by a mask which steps are padding, and this layer takes them for others: neither it nor the layers "
                      "after it see the mask", stacklevel=2)
