"""Convolution: a window that slides over an image or a sequence, the same weights everywhere."""
from pydl import activations, config, constraints, initializers, ops, regularizers
from pydl.autodiff import Op
from pydl.errors import DTypeError, ShapeError, boolean, int_tuple, is_int, one_of, positive_int, show
from pydl.layers.base import InputSpec, Layer
from pydl.layers.pool import channels_first, channels_last, checked_data_format
from pydl.ops import expand_dims, linear, relu, reshape
from pydl.ops.operands import floating
from pydl.shapes import conv_output_size, conv_padding


class Conv2DOp(Op):
    """size: (H', W'); geometry: strides, dilation, (top, left) padding, groups."""

    def __init__(self, size, geometry, relu, norm=None, skip=None, in_place=False):
        """norm, skip: see B.conv2d_forward; where nothing is differentiated.  in_place: skip becomes the result."""
        self.size, self.geometry, self.relu, self.norm, self.skip, self.winograd = size, geometry, relu, norm, skip, config.winograd()
        self.in_place = in_place

    def forward(self, B, x, weight, bias=None):
        y = self.skip if self.in_place else B.empty((x.shape[0], *self.size, weight.shape[3]), x.dtype)
        keep = weight.weight and True not in self.needs and (bias is None or bias.weight)      # weights that nobody is training are packed once
        B.conv2d_forward(x, weight, bias, *self.geometry, self.relu, self.winograd, y, keep, self.norm, self.skip)
        self.x, self.weight, self.y = x, weight, y if self.relu else None       # y > 0 is where relu let the gradient through
        return y

    def backward(self, B, dy):
        dx = dweight = dbias = None
        if self.needs[0]:
            dx = B.empty(self.x.shape, dy.dtype)
            B.conv2d_backward_input(dy, self.y, self.weight, *self.geometry, self.winograd, dx)
        if True in self.needs[1:]:
            dweight = B.empty(self.weight.shape, dy.dtype)
            dbias = B.empty(self.weight.shape[3:], dy.dtype) if self.needs[2:] == (True,) else None
            B.conv2d_backward_weight(self.x, dy, self.y, *self.geometry, self.winograd, dweight, dbias)
        return (dx, dweight, dbias)[:len(self.needs)]


class Conv2DMaxPoolOp(Op):
    """The two ops as one, the same bit for bit; the result of the convolution is never whole in memory.

    size, geometry: those of Conv2DOp; pooled, windows: (H'', W'') and window, strides, (top, left) padding of MaxPoolOp.
    """

    def __init__(self, size, geometry, relu, pooled, *windows):
        self.pooled, self.geometry, self.relu, self.winograd = pooled, (*geometry, size, *windows), relu, config.winograd()

    def forward(self, B, x, weight, bias=None):
        y = B.empty((x.shape[0], *self.pooled, weight.shape[3]), x.dtype)
        self.argmax = B.empty(y.shape, "uint8") if True in self.needs else None
        B.conv2d_max_pool_forward(x, weight, bias, *self.geometry, self.relu, self.winograd, y, self.argmax)
        self.x, self.weight, self.y = x, weight, y if self.relu else None       # y > 0 is where relu let the gradient of a maximum through
        return y

    def backward(self, B, dy):
        dx = B.empty(self.x.shape, dy.dtype) if self.needs[0] else None
        dweight = B.empty(self.weight.shape, dy.dtype) if True in self.needs[1:] else None
        dbias = B.empty(self.weight.shape[3:], dy.dtype) if self.needs[2:] == (True,) else None
        B.conv2d_max_pool_backward(self.x, dy, self.y, self.argmax, self.weight, *self.geometry, self.winograd, dx, dweight, dbias)
        return (dx, dweight, dbias)[:len(self.needs)]


# ---- functions

def conv2d(x, weight, bias=None, strides=1, padding="valid", dilation_rate=1, groups=1, activation=None, data_format=None):
    """Slide a window of weights over images: the cross-correlation that deep learning calls convolution.

    y[b, i, j, o] = bias[o] + sum over p, q, c of x[b, i * stride + p * dilation - top, j * stride + q * dilation - left, c] * weight[p, q, c, o].
    With groups, output o sees only the channels of its own group.  Outside of the image x counts as 0.

    Args:      strides, dilation_rate: an integer, or one for rows and one for columns.
               padding: "valid" (none), "same" (ceil(size / stride) windows; the odd zero comes after), an integer, a pair (rows, columns),
                   or ((top, bottom), (left, right)).
               groups: how many parts the channels are cut into; as many as there are channels is a depthwise convolution.
               activation: a name or a function; "relu" costs nothing here.
               data_format: "channels_last" or "channels_first"; `pydl.config.image_data_format()` by default.
    Shapes:    x (N, H, W, C), weight (kh, kw, C / groups, F), bias (F,) -> (N, H', W', F), H' = (H + top + bottom - (kh - 1) * dilation - 1) // stride + 1.
    Dtypes:    float32, float64, all the same; the gradient by bias is summed in float64.
               In float32, windows of 3x3 to 5x5, and larger ones with strides, use Winograd's form where it is faster; `pydl.config.set_winograd`
                   turns it off or picks its tiles.
    Gradients: x, weight, bias.    Saves: x; with relu also y.
    Raises:    ShapeError if the shapes do not fit together.
    Source:    LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, 1998;
               Lavin, Gray: Fast algorithms for convolutional neural networks, 2016.
    Example:
        >>> import numpy as np
        >>> from pydl.layers.conv import conv2d
        >>> conv2d(np.ones((1, 5, 5, 3)), np.ones((3, 3, 3, 8)), strides=2, padding="same").shape
        (1, 3, 3, 8)
    """
    return applied("conv2d", 2, x, weight, bias, strides, padding, dilation_rate, groups, activation, data_format, convolve)


def conv1d(x, weight, bias=None, strides=1, padding="valid", dilation_rate=1, groups=1, activation=None, data_format=None):
    """Slide a window of weights over sequences.  Arguments as in `conv2d`; padding may also be "causal": no step sees a later one.

    Shapes:    x (N, T, C), weight (k, C / groups, F), bias (F,) -> (N, T', F).
    Gradients: x, weight, bias.    Saves: x; with relu also y.
    Example:
        >>> import numpy as np
        >>> from pydl.layers.conv import conv1d
        >>> conv1d(np.ones((1, 5, 3)), np.ones((2, 3, 8)), padding="causal").shape
        (1, 5, 8)
    """
    return applied("conv1d", 1, x, weight, bias, strides, padding, dilation_rate, groups, activation, data_format, convolve)


def depthwise_conv2d(x, weight, bias=None, strides=1, padding="valid", dilation_rate=1, activation=None, data_format=None):
    """Convolve each channel with windows of its own.  Arguments as in `conv2d`.

    Shapes:    x (N, H, W, C), weight (kh, kw, C, M), bias (C * M,) -> (N, H', W', C * M); channel c makes results c * M to c * M + M - 1.
    Gradients: x, weight, bias.    Saves: x; with relu also y.
    Example:
        >>> import numpy as np
        >>> from pydl.layers.conv import depthwise_conv2d
        >>> depthwise_conv2d(np.ones((1, 5, 5, 3)), np.ones((3, 3, 3, 2))).shape
        (1, 3, 3, 6)
    """
    weight = floating("depthwise_conv2d", weight)
    if weight.ndim != 4:
        raise ShapeError(f"depthwise_conv2d: weight must be (kh, kw, C, M), got shape {weight.shape}")
    kh, kw, channels, multiplier = weight.shape
    return applied("depthwise_conv2d", 2, x, reshape(weight, (kh, kw, 1, channels * multiplier)), bias, strides, padding, dilation_rate,
                   max(channels, 1), activation, data_format, convolve)


SPACES = {1: ("sequences (N, T, C)", "(k, C / groups, F)"), 2: ("images (N, H, W, C)", "(kh, kw, C / groups, F)"),
          3: ("volumes (N, D, H, W, C)", "(kd, kh, kw, C / groups, F)")}


def applied(who, spatial, x, weight, bias, strides, padding, dilation_rate, groups, activation, data_format, convolve):
    """Check the arguments of a convolution, and `convolve` them channels last."""
    x, weight = floating(who, x), floating(who, weight)
    bias = None if bias is None else floating(who, bias)
    if x.ndim != spatial + 2:
        raise ShapeError(f"{who}: expected {SPACES[spatial][0]}, got shape {x.shape}")
    if weight.ndim != spatial + 2:
        raise ShapeError(f"{who}: weight must be {SPACES[spatial][1]}, got shape {weight.shape}")
    strides, dilation = window(who, "strides", strides, spatial), window(who, "dilation_rate", dilation_rate, spatial)
    padding, groups = checked_padding(who, padding, spatial), positive_int(who, "groups", groups)
    first = checked_data_format(who, data_format) == "channels_first"
    if first:
        x = channels_last(x)
    channels, filters = x.shape[-1], weight.shape[-1]
    if 0 in weight.shape or weight.shape[-2] * groups != channels:
        hint = f" ({groups} groups of {weight.shape[-2]})" if groups > 1 else channels_first_hint(x.shape, weight.shape[-2])
        raise ShapeError(f"{who}: weight {weight.shape} does not fit x {x.shape}: it is for {weight.shape[-2] * groups} channels, x has {channels}{hint}")
    if filters % groups:
        raise ShapeError(f"{who}: {groups} groups do not divide {filters} filters")
    if bias is not None and bias.shape != (filters,):
        raise ShapeError(f"{who}: bias must have shape {(filters,)}, got {bias.shape}")
    if any(t is not None and t.dtype != x.dtype for t in (weight, bias)):
        theirs = f"weight {weight.dtype.name}" + ("" if bias is None else f", bias {bias.dtype.name}")
        raise DTypeError(f"{who}: x is {x.dtype.name}, {theirs}; cast them to one dtype with pydl.ops.cast")
    y = convolve(who, x, weight, bias, strides, padding, dilation, groups, activations.get(activation))
    return channels_first(y) if first else y


def convolve(who, x, weight, bias, strides, padding, dilation, groups, activation, norm=None, skip=None, pool=None, in_place=False):
    """Apply the op to checked arguments, channels last; a sequence is an image one row high, which the kernel reads and copies in one piece.

    norm, skip: a batch normalisation (as `folded` gives it) and an Array to be added before the activation, where nothing is differentiated;
    in_place: nobody reads skip any more, and the result is written there.
    pool: a MaxPooling2D to be done at once, after no activation or relu.
    """
    sequence = x.ndim == 3
    if sequence:
        x, weight, strides, dilation = expand_dims(x, 1), expand_dims(weight, 0), (1, *strides), (1, *dilation)
        padding = ((0, 0), padding) if isinstance(padding, str) else ((0, 0), *padding)
    elif isinstance(padding, str):
        padding = (padding, padding)
    axes = list(zip(x.shape[1:3], weight.shape[:2], strides, padding, dilation))
    size = tuple(conv_output_size(*axis, who) for axis in axes)
    before = tuple(conv_padding(*axis)[0] for axis in axes)
    fused = activation is relu
    op = Conv2DOp(size, (strides, dilation, before, groups), fused, norm, skip, in_place) if pool is None else \
        Conv2DMaxPoolOp(size, (strides, dilation, before, groups), fused, *pool.geometry(size))
    y = op(x, weight) if bias is None else op(x, weight, bias)
    if sequence:
        y = reshape(y, (y.shape[0], *y.shape[2:]))
    return y if fused else activation(y)


def window(who, name, value, spatial):
    """A positive integer for each spatial axis; a single one stands for all."""
    return int_tuple(who, name, (value,) * spatial if is_int(value) else value, length=spatial, low=1)


def checked_padding(who, padding, spatial):
    """A mode by name, or (before, after) for each spatial axis."""
    if isinstance(padding, str):
        return one_of(who, "padding", padding, ("valid", "same", "causal") if spatial == 1 else ("valid", "same"))
    if is_int(padding):
        padding = (padding,) * spatial
    if not isinstance(padding, (list, tuple)) or len(padding) != spatial:
        raise TypeError(f"{who}: padding must be a mode, an integer, or {spatial} of them or of pairs (before, after), got {show(padding)}")
    return tuple(int_tuple(who, "padding", (p, p) if is_int(p) else p, length=2, low=0) for p in padding)


def channels_first_hint(shape, channels):
    """What to say about images whose channels seem to come first."""
    if len(shape) == 4 and shape[1] == channels and shape[-1] != channels:
        return "; this looks channels-first, transpose with x.transpose(0, 2, 3, 1) or set data_format='channels_first'"
    return ""


# ---- layers

class _Convolution(Layer):
    """Windows over the spatial axes.  Subclasses say what the weights are."""
    takes_several = False
    spatial = 2

    def __init__(self, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer, bias_regularizer,
                 activity_regularizer, bias_constraint, **kwargs):
        super().__init__(activity_regularizer=regularizers.get(activity_regularizer, f"{self.who}: activity_regularizer"), **kwargs)
        self.kernel_size = window(self.who, "kernel_size", kernel_size, self.spatial)
        self.strides = window(self.who, "strides", strides, self.spatial)
        self.padding = checked_padding(self.who, padding, self.spatial)
        self.data_format = checked_data_format(self.who, data_format)
        self.dilation_rate = window(self.who, "dilation_rate", dilation_rate, self.spatial)
        self.activation = activations.get(activation, f"{self.who}: activation")
        self.use_bias = boolean(self.who, "use_bias", use_bias)
        self.bias_initializer = initializers.get(bias_initializer, f"{self.who}: bias_initializer")
        self.bias_regularizer = regularizers.get(bias_regularizer, f"{self.who}: bias_regularizer")
        self.bias_constraint = constraints.get(bias_constraint, f"{self.who}: bias_constraint")
        self.input_spec = InputSpec(ndim=self.spatial + 2)

    def channels(self, input_shape):
        """Check the shape of an input and return its channels; from now on they are fixed."""
        axis = 1 if self.data_format == "channels_first" else self.spatial + 1
        if len(input_shape) != self.spatial + 2:
            self.check_input(input_shape)
        if not input_shape[axis]:
            raise ShapeError(f"{self.who}: the number of channels must be known and positive, got input shape {tuple(input_shape)}")
        self.input_spec = InputSpec(ndim=self.spatial + 2, axes={axis: input_shape[axis]})
        return input_shape[axis]

    def add_weights(self, shape, filters, initializer, regularizer, constraint):
        self.kernel = self.add_weight(shape, initializer, name="kernel", regularizer=regularizer, constraint=constraint)
        self.add_bias(filters)

    def add_bias(self, filters):
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight((filters,), self.bias_initializer, name="bias", regularizer=self.bias_regularizer, constraint=self.bias_constraint)

    def results(self, channels):
        """The number of channels that come out."""
        return self.filters

    def call(self, x):
        first = self.data_format == "channels_first"
        kernel, groups = self.kernel_and_groups()
        y = convolve(self.who, channels_last(x) if first else x, kernel, self.bias, self.strides, self.padding, self.dilation_rate, groups, self.activation)
        return channels_first(y) if first else y

    def compute_output_shape(self, input_shape):
        """Return the batch, the numbers of windows and the filters, in the layer's data format."""
        if len(input_shape) != self.spatial + 2:
            raise ShapeError(f"{self.who}: expected {self.spatial + 2} axes, got shape {show(tuple(input_shape))}")
        last = self.data_format == "channels_last"
        sizes = tuple(self._output_size(size, axis) for axis, size in enumerate(input_shape[1:-1] if last else input_shape[2:]))
        out = self.results(input_shape[-1 if last else 1])
        return (input_shape[0], *sizes, out) if last else (input_shape[0], out, *sizes)

    def _output_size(self, size, axis):
        padding = self.padding if isinstance(self.padding, str) else self.padding[axis]
        return conv_output_size(size, self.kernel_size[axis], self.strides[axis], padding, self.dilation_rate[axis], self.who)

    def shape_hint(self, shape):
        if self.data_format == "channels_first":
            return ""
        return channels_first_hint(shape, self.input_spec.axes.get(3))

    def get_config(self):
        return {**super().get_config(), "activation": activations.serialize(self.activation)}


class Conv2D(_Convolution):
    """Slide windows of weights over images: `conv2d` as a layer.

    Args:      filters: how many results each window has.
               kernel_size, strides, padding, dilation_rate, groups, activation, data_format: as in `conv2d`.
               use_bias: whether each filter has a number of its own added.
               kernel_initializer, bias_initializer: what the weights start from.
               kernel_regularizer, bias_regularizer, activity_regularizer: penalties, added to the loss.
               kernel_constraint, bias_constraint: applied after each update.
    Shapes:    (N, H, W, C) -> (N, H', W', filters).    Weights: kernel (kh, kw, C / groups, filters), bias (filters,).
    Dtypes:    float32, float64.
    Gradients: x, kernel, bias.    Saves: x; with relu also y.
    Raises:    ShapeError if the channels differ from the built ones, or no window fits.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.Conv2D(6, 5, padding="same", activation="relu")(np.ones((2, 28, 28, 1))).shape
        (2, 28, 28, 6)
    """

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1), groups=1, activation=None,
                 use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer, bias_regularizer,
                         activity_regularizer, bias_constraint, **kwargs)
        self.filters, self.groups = positive_int(self.who, "filters", filters), positive_int(self.who, "groups", groups)
        if self.filters % self.groups:
            raise ValueError(f"{self.who}: groups must divide filters, got {self.groups} groups and {self.filters} filters")
        self.kernel_initializer = initializers.get(kernel_initializer, f"{self.who}: kernel_initializer")
        self.kernel_regularizer = regularizers.get(kernel_regularizer, f"{self.who}: kernel_regularizer")
        self.kernel_constraint = constraints.get(kernel_constraint, f"{self.who}: kernel_constraint")

    def build(self, input_shape):
        channels = self.channels(input_shape)
        if channels % self.groups:
            raise ShapeError(f"{self.who}: groups must divide the channels of the input, got {self.groups} groups and {channels} channels")
        self.add_weights((*self.kernel_size, channels // self.groups, self.filters), self.filters,
                         self.kernel_initializer, self.kernel_regularizer, self.kernel_constraint)

    def kernel_and_groups(self):
        """The kernel as the convolution takes it, and the number of groups."""
        return self.kernel, self.groups

    def call(self, x, norm=None, skip=None, relu=False, frame=None, pool=None, in_place=False):
        """Convolve.  The others are what a model found around the layer and wants done by the one kernel; norm, skip, frame where nothing is differentiated.

        norm: a BatchNormalization; skip: a Tensor to be added; relu: at the end; frame: ((top, bottom), (left, right)), zeros around x;
        pool: a MaxPooling2D after it all, without norm and skip; in_place: skip's memory becomes the result's.
        """
        if norm is None and skip is None and frame is None and pool is None and not relu:
            return super().call(x)
        return convolve(self.who, x, self.kernel, self.bias, self.strides, self.padding if frame is None else frame, self.dilation_rate, self.groups,
                        ops.relu if relu else self.activation, norm and norm.folded(), None if skip is None else skip.array, pool, in_place)


class Conv1D(Conv2D):
    """Slide windows of weights over sequences: `conv1d` as a layer.  Arguments as in `Conv2D`; padding may also be "causal".

    Shapes:    (N, T, C) -> (N, T', filters).    Weights: kernel (k, C / groups, filters), bias (filters,).
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.Conv1D(4, 3, strides=2)(np.ones((2, 9, 5))).shape
        (2, 4, 4)
    """
    spatial = 1

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1, groups=1, activation=None,
                 use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias, kernel_initializer,
                         bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs)


class DepthwiseConv2D(_Convolution):
    """Convolve each channel with depth_multiplier windows of its own: `depthwise_conv2d` as a layer.

    Arguments as in `Conv2D`; the initializer, regularizer and constraint of the kernel are named depthwise_*.
    Shapes:    (N, H, W, C) -> (N, H', W', C * depth_multiplier).    Weights: kernel (kh, kw, C, depth_multiplier), bias (C * depth_multiplier,).
    Gradients: x, kernel, bias.    Saves: x; with relu also y.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(np.ones((2, 8, 8, 5))).shape
        (2, 8, 8, 10)
    """

    def __init__(self, kernel_size, strides=(1, 1), padding="valid", depth_multiplier=1, data_format=None, dilation_rate=(1, 1), activation=None,
                 use_bias=True, depthwise_initializer="glorot_uniform", bias_initializer="zeros", depthwise_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, depthwise_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer, bias_regularizer,
                         activity_regularizer, bias_constraint, **kwargs)
        self.depth_multiplier = positive_int(self.who, "depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.get(depthwise_initializer, f"{self.who}: depthwise_initializer")
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer, f"{self.who}: depthwise_regularizer")
        self.depthwise_constraint = constraints.get(depthwise_constraint, f"{self.who}: depthwise_constraint")

    def build(self, input_shape):
        channels = self.channels(input_shape)
        self.add_weights((*self.kernel_size, channels, self.depth_multiplier), channels * self.depth_multiplier,
                         self.depthwise_initializer, self.depthwise_regularizer, self.depthwise_constraint)

    def results(self, channels):
        return None if channels is None else channels * self.depth_multiplier

    def kernel_and_groups(self):
        """The kernel as the convolution takes it, and the number of groups: one a channel."""
        *size, channels, multiplier = self.kernel.shape
        return reshape(self.kernel, (*size, 1, channels * multiplier)), channels


class SeparableConv2D(_Convolution):
    """Convolve each channel on its own, then mix the channels pixel by pixel: `depthwise_conv2d` and a 1x1 `conv2d`, for a fraction of the weights.

    Arguments as in `Conv2D` and `DepthwiseConv2D`; activation and bias come at the end.
    Shapes:    (N, H, W, C) -> (N, H', W', filters).    Weights: depthwise_kernel (kh, kw, C, depth_multiplier),
               pointwise_kernel (1, 1, C * depth_multiplier, filters), bias (filters,).
    Gradients: x, both kernels, bias.    Saves: x, the result between; with relu also y.
    Source:    Chollet: Xception, 2017.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.SeparableConv2D(7, 3, padding="same")(np.ones((2, 8, 8, 5))).shape
        (2, 8, 8, 7)
    """

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1), depth_multiplier=1, activation=None,
                 use_bias=True, depthwise_initializer="glorot_uniform", pointwise_initializer="glorot_uniform", bias_initializer="zeros",
                 depthwise_regularizer=None, pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None, depthwise_constraint=None,
                 pointwise_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer, bias_regularizer,
                         activity_regularizer, bias_constraint, **kwargs)
        self.filters = positive_int(self.who, "filters", filters)
        self.depth_multiplier = positive_int(self.who, "depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.get(depthwise_initializer, f"{self.who}: depthwise_initializer")
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer, f"{self.who}: depthwise_regularizer")
        self.depthwise_constraint = constraints.get(depthwise_constraint, f"{self.who}: depthwise_constraint")
        self.pointwise_initializer = initializers.get(pointwise_initializer, f"{self.who}: pointwise_initializer")
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer, f"{self.who}: pointwise_regularizer")
        self.pointwise_constraint = constraints.get(pointwise_constraint, f"{self.who}: pointwise_constraint")

    def build(self, input_shape):
        channels = self.channels(input_shape)
        self.depthwise_kernel = self.add_weight((*self.kernel_size, channels, self.depth_multiplier), self.depthwise_initializer, name="depthwise_kernel",
                                                regularizer=self.depthwise_regularizer, constraint=self.depthwise_constraint)
        self.pointwise_kernel = self.add_weight((1, 1, channels * self.depth_multiplier, self.filters), self.pointwise_initializer,
                                                name="pointwise_kernel", regularizer=self.pointwise_regularizer, constraint=self.pointwise_constraint)
        self.add_bias(self.filters)

    def call(self, x):
        first = self.data_format == "channels_first"
        *size, channels, multiplier = self.depthwise_kernel.shape
        apart = convolve(self.who, channels_last(x) if first else x, reshape(self.depthwise_kernel, (*size, 1, channels * multiplier)), None,
                         self.strides, self.padding, self.dilation_rate, channels, linear)
        y = convolve(self.who, apart, self.pointwise_kernel, self.bias, (1, 1), "valid", (1, 1), 1, self.activation)
        return channels_first(y) if first else y


Convolution1D, Convolution2D, SeparableConvolution2D = Conv1D, Conv2D, SeparableConv2D
