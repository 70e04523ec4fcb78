"""What the image classifiers have in common: the checks of their arguments, and the end of a network without its top."""

from pydl import layers
from pydl.errors import boolean, int_tuple, one_of, positive_int, show, string
from pydl.models import Model

IMAGENET = (224, 224, 3)


def checked(who, include_top, input_shape, pooling, classes, default, smallest):
    """Check the arguments that all the builders take; return the shape of an image, (H, W, C).

    H and W may be None where there is no top, or where the top does not depend on them.
    default: the shape where none is given; smallest: the least H and W that leave a pixel at the end.
    """
    boolean(who, "include_top", include_top)
    positive_int(who, "classes", classes)
    if pooling is not None:
        one_of(who, "pooling", pooling, ("avg", "max"))
    if input_shape is None:
        return default
    if not isinstance(input_shape, (tuple, list)) or len(input_shape) != 3:
        raise ValueError(f"{who}: input_shape must be (H, W, C), got {show(input_shape)}")
    known = int_tuple(who, "input_shape", tuple(smallest if size is None else size for size in input_shape[:2]), length=2, low=smallest)
    return (*[None if given is None else size for given, size in zip(input_shape, known)], positive_int(who, "input_shape[2]", input_shape[2]))


def pooled(x, pooling):
    """The end of a network without its top: the image as it is (None), or its means ("avg") or maxima ("max") a channel."""
    if pooling is None:
        return x
    layer = layers.GlobalAveragePooling2D if pooling == "avg" else layers.GlobalMaxPooling2D
    return layer(name=f"{pooling}_pool")(x)


def finished(who, inputs, outputs, name, weights):
    """The model, with the weights of the file `weights` where one is given."""
    if weights is not None and str(weights) == "imagenet":
        raise ValueError(f"{who}: weights='imagenet' would have to be fetched, and pydl fetches nothing; "
                         "pass the path of a weights file, or None and model.set_weights(...)")
    model = Model(inputs, outputs, name=string(who, "name", name))
    if weights is not None:
        model.load_weights(weights)
    return model
