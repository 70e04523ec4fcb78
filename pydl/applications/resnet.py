"""Residual networks: the small ones of the paper for 32x32 images, and ResNet-50 and its deeper kin for 224x224."""

from pydl import layers, ops, registry
from pydl.applications.classifier import IMAGENET, checked, finished, pooled
from pydl.errors import is_int, one_of, positive_int, show


class Subsample(layers.Layer):
    """Every second pixel, and zeros for the channels that are missing, half of them before: a shortcut without weights (option A of the paper).

    Args:      filters: how many channels come out; at least as many as go in.
    Shapes:    (N, H, W, C) -> (N, ceil(H / 2), ceil(W / 2), filters)
    Example:
        >>> import numpy as np
        >>> from pydl.applications.resnet import Subsample
        >>> Subsample(4)(np.ones((1, 3, 3, 2)))[0, 0, 0].numpy().tolist()
        [0.0, 1.0, 1.0, 0.0]
    """
    takes_several = False

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = positive_int(self.who, "filters", filters)

    def build(self, input_shape):
        if self.filters < input_shape[-1]:
            raise ValueError(f"{self.who}: {self.filters} channels cannot hold the {input_shape[-1]} of the input")
        self.input_spec = layers.InputSpec(ndim=4, axes={-1: input_shape[-1]})

    def call(self, x):
        before = (self.filters - x.shape[-1]) // 2
        return ops.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (before, self.filters - x.shape[-1] - before)))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *[None if size is None else -(-size // 2) for size in input_shape[1:3]], self.filters)


registry.register("applications", Subsample)


def ResNetCIFAR(depth=20, include_top=True, weights=None, input_shape=(32, 32, 3), pooling=None, classes=10, classifier_activation="softmax",
                shortcut="identity", name=None):
    """Return a residual network for 32x32 images: a convolution, then three stages of 16, 32 and 64 filters, two convolutions a block.

    Args:      depth: 6 n + 2, n >= 1 blocks a stage: 20, 32, 44, 56, 110 in the paper.
               include_top: whether to end with global average pooling and a dense layer.
               weights: the path of a file of `save_weights`, or None for initial weights.
               input_shape: (H, W, C); H and W may be None.
               pooling: what to end with where there is no top: "avg", "max", or None for the image.
               classes, classifier_activation: of the last layer.
               shortcut: where a stage begins: "identity" has no weights (the paper's option A), "projection" is a 1x1 convolution (B).
    Returns:   a functional model; with depth 20 it has 269,722 trainable parameters.
    Source:    He, Zhang, Ren, Sun: Deep residual learning for image recognition, 2015, section 4.2.
    Example:
        >>> from pydl.applications import ResNetCIFAR
        >>> ResNetCIFAR(32).name
        'resnet32'
    """
    who = "ResNetCIFAR"
    if not is_int(depth) or depth < 8 or depth % 6 != 2:
        raise ValueError(f"{who}: depth must be 6 n + 2 with n >= 1 (20, 32, 44, 56, 110 in the paper), got {show(depth)}")
    one_of(who, "shortcut", shortcut, ("identity", "projection"))
    x = inputs = layers.Input(checked(who, include_top, input_shape, pooling, classes, (32, 32, 3), 4))

    def convolved(x, filters, size, stride, name):
        x = layers.Conv2D(filters, size, strides=stride, padding=size // 2, use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv")(x)
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)

    x = layers.Activation("relu", name="stem_relu")(convolved(x, 16, 3, 1, "stem"))
    for stage, filters in enumerate((16, 32, 64), 1):
        for block in range(1, (depth - 2) // 6 + 1):
            name_of_block, stride = f"stage{stage}_block{block}", 2 if stage > 1 and block == 1 else 1
            past = x
            x = layers.Activation("relu", name=f"{name_of_block}_1_relu")(convolved(x, filters, 3, stride, f"{name_of_block}_1"))
            x = convolved(x, filters, 3, 1, f"{name_of_block}_2")
            if stride == 2 and shortcut == "identity":
                past = Subsample(filters, name=f"{name_of_block}_shortcut")(past)
            elif stride == 2:
                past = convolved(past, filters, 1, 2, f"{name_of_block}_shortcut")
            x = layers.Add(name=f"{name_of_block}_add")([past, x])
            x = layers.Activation("relu", name=f"{name_of_block}_out")(x)
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dense(classes, activation=classifier_activation, kernel_initializer="he_normal", name="predictions")(x)
    else:
        x = pooled(x, pooling)
    return finished(who, inputs, x, name or f"resnet{depth}", weights)


def ResNet20(include_top=True, weights=None, input_shape=(32, 32, 3), pooling=None, classes=10, classifier_activation="softmax", shortcut="identity",
             name="resnet20"):
    """Return the residual network of 20 layers for 32x32 images: `ResNetCIFAR` with depth 20, and its arguments.

    Example:
        >>> from pydl.applications import ResNet20
        >>> sum(w.size for w in ResNet20().trainable_weights)
        269722
    """
    return ResNetCIFAR(20, include_top, weights, input_shape, pooling, classes, classifier_activation, shortcut, name)


def _bottleneck(x, filters, stride, projected, name):
    """1x1 to few channels, 3x3, 1x1 to four times as many; the input, projected where the shape changes, is added."""
    def normalized(x, number):
        return layers.BatchNormalization(epsilon=1.001e-5, name=f"{name}_{number}_bn")(x)

    past = x
    for number, (size, step) in enumerate(((1, stride), (3, 1)), 1):
        x = layers.Conv2D(filters, size, strides=step, padding="same" if size > 1 else "valid", name=f"{name}_{number}_conv")(x)
        x = layers.Activation("relu", name=f"{name}_{number}_relu")(normalized(x, number))
    # the two branches in turn: the order in which keras.applications lists the weights
    if projected:
        past = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(past)
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    if projected:
        past = normalized(past, 0)
    x = layers.Add(name=f"{name}_add")([past, normalized(x, 3)])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _resnet(who, depths, include_top, weights, input_shape, pooling, classes, classifier_activation, name):
    """depths: the number of blocks in each of the four stages."""
    inputs = layers.Input(checked(who, include_top, input_shape, pooling, classes, IMAGENET if include_top else (None, None, 3), 32))
    x = layers.ZeroPadding2D(3, name="conv1_pad")(inputs)
    x = layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    x = layers.BatchNormalization(epsilon=1.001e-5, name="conv1_bn")(x)
    x = layers.Activation("relu", name="conv1_relu")(x)
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stage, depth in enumerate(depths, 2):
        for block in range(1, depth + 1):
            x = _bottleneck(x, 64 * 2 ** (stage - 2), 2 if stage > 2 and block == 1 else 1, block == 1, f"conv{stage}_block{block}")
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    else:
        x = pooled(x, pooling)
    return finished(who, inputs, x, name, weights)


def ResNet50(include_top=True, weights=None, input_shape=None, pooling=None, classes=1000, classifier_activation="softmax", name="resnet50"):
    """Return ResNet-50: sixteen bottleneck blocks of 1x1, 3x3 and 1x1 convolutions, each with batch normalisation.

    Layers, their names and the order of the weights are those of keras.applications, so `set_weights(theirs.get_weights())` works.

    Args:      as in `VGG16`; the top does not depend on the size of the images.
    Returns:   a functional model; 25,636,712 parameters by default.
    Source:    He, Zhang, Ren, Sun: Deep residual learning for image recognition, 2015, table 1.
    Example:
        >>> from pydl.applications import ResNet50
        >>> ResNet50(include_top=False, input_shape=(64, 64, 3)).output_shape
        (None, 2, 2, 2048)
    """
    return _resnet("ResNet50", (3, 4, 6, 3), include_top, weights, input_shape, pooling, classes, classifier_activation, name)


def ResNet101(include_top=True, weights=None, input_shape=None, pooling=None, classes=1000, classifier_activation="softmax", name="resnet101"):
    """Return ResNet-101: `ResNet50` with 23 blocks in the third stage, 44,707,176 parameters. Arguments as there.

    Example:
        >>> from pydl.applications import ResNet101
        >>> ResNet101(include_top=False, input_shape=(32, 32, 3), pooling="max").output_shape
        (None, 2048)
    """
    return _resnet("ResNet101", (3, 4, 23, 3), include_top, weights, input_shape, pooling, classes, classifier_activation, name)


def ResNet152(include_top=True, weights=None, input_shape=None, pooling=None, classes=1000, classifier_activation="softmax", name="resnet152"):
    """Return ResNet-152: `ResNet50` with 8 and 36 blocks in the second and third stage, 60,419,944 parameters. Arguments as there.

    Example:
        >>> from pydl.applications import ResNet152
        >>> ResNet152(include_top=False, input_shape=(32, 32, 3), pooling="avg").output_shape
        (None, 2048)
    """
    return _resnet("ResNet152", (3, 8, 36, 3), include_top, weights, input_shape, pooling, classes, classifier_activation, name)
