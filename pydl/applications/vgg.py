"""VGG: 3x3 convolutions and poolings, then dense layers."""

from pydl import layers
from pydl.applications.classifier import IMAGENET, checked, finished, pooled

FILTERS = (64, 128, 256, 512, 512)


def _vgg(who, depths, include_top, weights, input_shape, pooling, classes, classifier_activation, name):
    """depths: the number of convolutions in each of the five blocks."""
    shape = checked(who, include_top, input_shape, pooling, classes, IMAGENET if include_top else (None, None, 3), 32)
    if include_top and None in shape:
        raise ValueError(f"{who}: with its top, the dense layers need images of a known size, got input_shape {shape}")
    x = inputs = layers.Input(shape)
    for block, (depth, filters) in enumerate(zip(depths, FILTERS), 1):
        for number in range(1, depth + 1):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"block{block}_conv{number}")(x)
        x = layers.MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    if include_top:
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dense(4096, activation="relu", name="fc1")(x)
        x = layers.Dense(4096, activation="relu", name="fc2")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    else:
        x = pooled(x, pooling)
    return finished(who, inputs, x, name, weights)


def VGG16(include_top=True, weights=None, input_shape=None, pooling=None, classes=1000, classifier_activation="softmax", name="vgg16"):
    """Return VGG-16: thirteen 3x3 convolutions in five blocks, and three dense layers.

    Layers, their names and the order of the weights are those of keras.applications, so `set_weights(theirs.get_weights())` works.

    Args:      include_top: whether to end with the dense layers.
               weights: the path of a file of `save_weights`, or None for initial weights.
               input_shape: (H, W, C), at least 32x32; (224, 224, 3) by default. H and W may be None without the top.
               pooling: what to end with where there is no top: "avg", "max", or None for the image.
               classes, classifier_activation: of the last layer.
    Returns:   a functional model; 138,357,544 parameters by default.
    Source:    Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition, 2014.
    Example:
        >>> from pydl.applications import VGG16
        >>> VGG16(include_top=False, input_shape=(64, 64, 3), pooling="avg").output_shape
        (None, 512)
    """
    return _vgg("VGG16", (2, 2, 3, 3, 3), include_top, weights, input_shape, pooling, classes, classifier_activation, name)


def VGG19(include_top=True, weights=None, input_shape=None, pooling=None, classes=1000, classifier_activation="softmax", name="vgg19"):
    """Return VGG-19: sixteen 3x3 convolutions in five blocks, and three dense layers. Arguments as in `VGG16`; 143,667,240 parameters.

    Example:
        >>> from pydl.applications import VGG19
        >>> VGG19(include_top=False, input_shape=(64, 64, 3)).output_shape
        (None, 2, 2, 512)
    """
    return _vgg("VGG19", (2, 2, 4, 4, 4), include_top, weights, input_shape, pooling, classes, classifier_activation, name)
