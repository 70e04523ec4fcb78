"""LeNet-5."""

from pydl import layers
from pydl.applications.classifier import checked, finished


def LeNet5(input_shape=(28, 28, 1), classes=10, activation="relu", pooling="max", padding="same", classifier_activation="softmax", weights=None,
           name="lenet_5"):
    """Return LeNet-5 as it is taught today: two convolutions, each followed by pooling, and three dense layers.

    Args:      input_shape: (H, W, C).    classes: the number of results.
               activation: of the layers between: "relu", or "tanh" as in 1998.    pooling: "max", or "avg" as in 1998.
               padding: of the first convolution: "same" for 28x28 images, "valid" for 32x32 ones.
               classifier_activation: of the last layer; None gives logits.
               weights: the path of a file of `save_weights`, or None for initial weights.
    Returns:   a functional model; 61,706 parameters for images (28, 28, 1) and 10 classes.
    Source:    LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, 1998.
    Example:
        >>> from pydl.applications import LeNet5
        >>> LeNet5().count_params()
        61706
    """
    who = "LeNet5"
    shape = checked(who, True, input_shape, pooling, classes, (28, 28, 1), 16)
    pool = layers.AveragePooling2D if pooling == "avg" else layers.MaxPooling2D
    inputs = layers.Input(shape)
    x = layers.Conv2D(6, 5, padding=padding, activation=activation, name="conv_1")(inputs)
    x = pool(name="pool_1")(x)
    x = layers.Conv2D(16, 5, activation=activation, name="conv_2")(x)
    x = pool(name="pool_2")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(120, activation=activation, name="dense_1")(x)
    x = layers.Dense(84, activation=activation, name="dense_2")(x)
    return finished(who, inputs, layers.Dense(classes, activation=classifier_activation, name="predictions")(x), name, weights)
