"""Masks of padding on their way from layer to layer."""
import warnings


def hand_on(layer, mask, out, used):
    """Put the mask of a layer's input on its output, or say that it ends here.  used: the layer was given it."""
    if layer.supports_masking:
        out.mask = mask
    elif layer.supports_masking is False and not used and not layer.__dict__.get("_mask_lost"):
        object.__setattr__(layer, "_mask_lost", True)
        warnings.warn(f"{layer.who}: its input says by a mask which steps are padding, and this layer takes them for others: neither it nor the layers "
                      "after it see the mask", stacklevel=2)
