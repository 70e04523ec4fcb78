"""Dense: every output a weighted sum of all inputs."""
import math

from pydl import activations, constraints, initializers, regularizers
from pydl.autodiff import Op
from pydl.errors import DTypeError, ShapeError, boolean, positive_int
from pydl.layers.base import InputSpec, Layer
from pydl.ops import relu
from pydl.ops.operands import floating


class DenseOp(Op):
    def __init__(self, relu): self.relu = relu

    def forward(self, B, x, weight, bias=None):
        self.x_shape, rows = x.shape, math.prod(x.shape[:-1])
        x = x.reshape((rows, x.shape[-1]))
        y = B.empty((rows, weight.shape[1]), x.dtype)
        B.dense_forward(x, weight, bias, self.relu, y, weight.weight and True not in self.needs)      # a weight that nobody is training is packed once
        self.x, self.weight = x if True in self.needs[1:] else None, weight if self.needs[0] else None
        self.y = y if self.relu else None                       # y > 0 is where relu let the gradient through
        return y.reshape((*self.x_shape[:-1], weight.shape[1]))

    def backward(self, B, dy):
        dx = dweight = dbias = None
        dy = dy.reshape((math.prod(dy.shape[:-1]), dy.shape[-1]))
        if self.relu:
            dz = B.empty(dy.shape, dy.dtype)
            B.relu_backward(dy, self.y, dz)
            dy = dz
        if True in self.needs[1:]:
            dweight = B.empty((self.x.shape[1], dy.shape[1]), dy.dtype) if self.needs[1] else None
            dbias = B.empty(dy.shape[1:], dy.dtype) if self.needs[2:] == (True,) else None
            B.dense_backward_weight(self.x, dy, dweight, dbias)
        if self.needs[0]:
            dx = B.empty((dy.shape[0], self.weight.shape[0]), dy.dtype)
            B.dense_backward_input(dy, self.weight, dx)
            dx = dx.reshape(self.x_shape)
        return (dx, dweight, dbias)[:len(self.needs)]


def dense(x, weight, bias=None, activation=None):
    """Return activation(x @ weight + bias).

    Args:      activation: a name or a function; "relu" costs nothing here.
    Shapes:    x (..., D), weight (D, units), bias (units,) -> (..., units)
    Dtypes:    float32, float64, all the same; the gradient by bias is summed in float64.
    Gradients: x, weight, bias.    Saves: x, weight; with relu also y.
    Raises:    ShapeError if the shapes do not fit together.
    Example:
        >>> import numpy as np
        >>> from pydl.layers.dense import dense
        >>> dense(np.ones((2, 3)), np.ones((3, 4)), np.zeros(4), activation="relu").shape
        (2, 4)
    """
    x, weight = floating("dense", x), floating("dense", weight)
    bias = None if bias is None else floating("dense", bias)
    if x.ndim < 1 or weight.ndim != 2 or x.shape[-1] != weight.shape[0]:
        raise ShapeError(f"dense: x must be (..., D) and weight (D, units), got {x.shape} and {weight.shape}")
    if bias is not None and bias.shape != weight.shape[1:]:
        raise ShapeError(f"dense: bias must have shape {weight.shape[1:]}, got {bias.shape}")
    if any(t is not None and t.dtype != x.dtype for t in (weight, bias)):
        names = f"weight {weight.dtype.name}" + ("" if bias is None else f", bias {bias.dtype.name}")
        raise DTypeError(f"dense: x is {x.dtype.name}, {names}; cast them to one with pydl.ops.cast")
    return connect(x, weight, bias, activations.get(activation))


def connect(x, weight, bias, activation):
    """Apply the op to checked arguments."""
    fused = activation is relu
    y = DenseOp(fused)(x, weight) if bias is None else DenseOp(fused)(x, weight, bias)
    return y if fused else activation(y)


class Dense(Layer):
    """Connect every input with every output: `dense` as a layer.

    Args:      units: how many outputs there are.
               activation: a name or a function, applied to the sums; None leaves them as they are.
               use_bias: whether each output has a number of its own added.
               kernel_initializer, bias_initializer: what the weights start from.
               kernel_regularizer, bias_regularizer, activity_regularizer: penalties, added to the loss.
               kernel_constraint, bias_constraint: applied after each update.
    Shapes:    (N, ..., D) -> (N, ..., units).    Weights: kernel (D, units), bias (units,).
    Dtypes:    float32, float64.
    Gradients: x, kernel, bias.    Saves: x; with relu also y.
    Raises:    ShapeError if D differs from the built one.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.Dense(10, activation="softmax")(np.ones((2, 64))).shape
        (2, 10)
    """
    takes_several = False
    supports_masking = True

    def __init__(self, units, activation=None, use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None,
                 bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(activity_regularizer=regularizers.get(activity_regularizer, f"{self.who}: activity_regularizer"), **kwargs)
        self.units = positive_int(self.who, "units", units)
        self.activation = activations.get(activation, f"{self.who}: activation")
        self.use_bias = boolean(self.who, "use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer, f"{self.who}: kernel_initializer")
        self.bias_initializer = initializers.get(bias_initializer, f"{self.who}: bias_initializer")
        self.kernel_regularizer = regularizers.get(kernel_regularizer, f"{self.who}: kernel_regularizer")
        self.bias_regularizer = regularizers.get(bias_regularizer, f"{self.who}: bias_regularizer")
        self.kernel_constraint = constraints.get(kernel_constraint, f"{self.who}: kernel_constraint")
        self.bias_constraint = constraints.get(bias_constraint, f"{self.who}: bias_constraint")
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape):
        self.check_input(input_shape)
        if not input_shape[-1]:
            raise ShapeError(f"{self.who}: the size of the last axis must be known and positive, got input shape {tuple(input_shape)}")
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})
        self.kernel = self.add_weight((input_shape[-1], self.units), self.kernel_initializer, name="kernel",
                                      regularizer=self.kernel_regularizer, constraint=self.kernel_constraint)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight((self.units,), self.bias_initializer, name="bias", regularizer=self.bias_regularizer, constraint=self.bias_constraint)

    def call(self, x):
        return connect(x, self.kernel, self.bias, self.activation)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def shape_hint(self, shape):
        return "; put a Flatten layer before it" if len(shape) > 2 and math.prod(shape[1:]) == self.input_spec.axes[-1] else ""

    def get_config(self):
        return {**super().get_config(), "activation": activations.serialize(self.activation)}
