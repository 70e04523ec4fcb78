"""Layers without a formula of their own: what passes through, is penalised, or goes through a function of yours."""
from pydl import registry, regularizers
from pydl.errors import in_range, show
from pydl.layers.base import Layer
from pydl.tensor import Tensor, as_tensor


class Identity(Layer):
    """The input as it is: a place in a model.    Shapes: any (N, ...) -> the same.    Gradients: x."""
    takes_several = False
    supports_masking = True

    def call(self, x):
        return x

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


class ActivityRegularization(Layer):
    """The input as it is; l1 * sum |x| + l2 * sum x^2 of it, divided by the rows of the batch, is added to the loss.

    Args:      l1, l2: factors >= 0.
    Shapes:    any (N, ...) -> the same.    Gradients: x.
    """
    takes_several = False
    supports_masking = True

    def __init__(self, l1=0.0, l2=0.0, **kwargs):
        super().__init__(**kwargs)
        self.l1, self.l2 = in_range(self.who, "l1", l1, 0), in_range(self.who, "l2", l2, 0)
        self.activity_regularizer = regularizers.L1L2(self.l1, self.l2)

    def call(self, x):
        return x

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {name: value for name, value in super().get_config().items() if name != "activity_regularizer"}


class Lambda(Layer):
    """A function of yours as a layer, written with pydl.ops.

    A model with it can be saved if the function is registered by `pydl.saving.register_serializable`; a lambda has no name to be
    found by.

    Args:      function: takes the input, and `arguments` by keyword; returns a Tensor.
               output_shape: the shape of one sample of the result, or a function from input shape to output shape; found by running it
                   on zeros by default.
               arguments: a dict of more arguments.
    Gradients: those of the function.
    Example:
        >>> import numpy as np, pydl
        >>> pydl.layers.Lambda(lambda x: pydl.ops.square(x))(np.array([[3.0]])).numpy().tolist()
        [[9.0]]
    """

    def __init__(self, function, output_shape=None, arguments=None, **kwargs):
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"{self.who}: function must be callable, got {show(function)}")
        if not (output_shape is None or callable(output_shape) or isinstance(output_shape, (list, tuple))):
            raise TypeError(f"{self.who}: output_shape must be a shape or a function of a shape, got {show(output_shape)}")
        if arguments is not None and not isinstance(arguments, dict):
            raise TypeError(f"{self.who}: arguments must be a dict, got {show(arguments)}")
        self.function, self.output_shape, self.arguments = function, output_shape, dict(arguments or {})

    def call(self, x):
        out = self.function(x, **self.arguments)
        if isinstance(out, (list, tuple)):
            return type(out)(t if isinstance(t, Tensor) else as_tensor(t, self.dtype) for t in out)
        return out if isinstance(out, Tensor) else as_tensor(out, self.dtype)

    def compute_output_shape(self, input_shape):
        if self.output_shape is None:
            return super().compute_output_shape(input_shape)
        return tuple(self.output_shape(input_shape)) if callable(self.output_shape) else (input_shape[0], *self.output_shape)

    def get_config(self):
        function = registry.serialize(self.function)
        return {**super().get_config(), "function": function, "output_shape": registry.serialize(self.output_shape) if callable(self.output_shape)
                else self.output_shape, "arguments": self.arguments}
