"""Functions of tensors, under the names of keras.ops.

They take Tensors, arrays and numbers, return Tensors, are differentiated and recorded: what custom layers, losses and metrics are written with.
"""
from pydl.ops import operators  # noqa: F401   attaches + - * / ... to Tensor
from pydl.ops.activation import (  # noqa: F401
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear, log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid,
    silu, soft_shrink, softmax, softplus, softsign, sparse_plus, sparse_sigmoid, squareplus, tanh, tanh_shrink, threshold,
)
from pydl.ops.create import (  # noqa: F401
    arange, convert_to_numpy, convert_to_tensor, eye, full, full_like, linspace, ndim, ones, ones_like, shape, size, zeros, zeros_like,
)
from pydl.ops.elementwise import (  # noqa: F401
    absolute, add, ceil, clip, cos, divide, equal, exp, expm1, floor, floor_divide, greater, greater_equal, isfinite, isinf, isnan, less, less_equal,
    log, log1p, log2, log10, logical_and, logical_not, logical_or, maximum, minimum, mod, multiply, negative, not_equal, power, reciprocal, round,
    rsqrt, sign, sin, sqrt, square, subtract, where,
)
from pydl.ops.move import (  # noqa: F401
    broadcast_to, cast, concatenate, expand_dims, flip, get_item, moveaxis, one_hot, pad, ravel, repeat, reshape, roll, split, squeeze, stack,
    stop_gradient, swapaxes, take, tile, transpose, unstack,
)
from pydl.ops.reduce import all, any, argmax, argmin, average, logsumexp, max, mean, min, norm, std, sum, var  # noqa: F401

abs, amax, amin, true_divide, swish, hard_swish = absolute, max, min, divide, silu, hard_silu
