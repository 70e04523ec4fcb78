"""Functions of tensors, under the names of keras.ops.

They take Tensors, arrays and numbers, return Tensors, are differentiated and recorded: what custom layers, losses and metrics are written with.
"""
from pydl.ops import operators  # noqa: F401   attaches + - * / ... to Tensor
from pydl.ops.activation import ACTIVATIONS
from pydl.ops.arithmetic import (  # noqa: F401
    add,
    clip,
    divide,
    floor_divide,
    maximum,
    minimum,
    mod,
    multiply,
    power,
    round,
    subtract,
)
from pydl.ops.compare import (  # noqa: F401
    equal,
    greater,
    greater_equal,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    not_equal,
    where,
)
from pydl.ops.create import (  # noqa: F401
    arange,
    convert_to_numpy,
    convert_to_tensor,
    eye,
    full,
    full_like,
    linspace,
    ndim,
    ones,
    ones_like,
    shape,
    size,
    zeros,
    zeros_like,
)
from pydl.ops.decode import ctc_decode  # noqa: F401
from pydl.ops.elementwise import (  # noqa: F401
    absolute,
    ceil,
    cos,
    exp,
    expm1,
    floor,
    log,
    log1p,
    log2,
    log10,
    negative,
    reciprocal,
    rsqrt,
    sign,
    sin,
    sqrt,
    square,
)
from pydl.ops.join import (  # noqa: F401
    concatenate,
    get_item,
    hardmax,
    one_hot,
    pad,
    roll,
    split,
    stack,
    take,
    unstack,
)
from pydl.ops.matmul import dot, matmul, outer, tensordot  # noqa: F401
from pydl.ops.move import (  # noqa: F401
    broadcast_to,
    expand_dims,
    flip,
    moveaxis,
    ravel,
    repeat,
    reshape,
    squeeze,
    swapaxes,
    tile,
    transpose,
)
from pydl.ops.operands import (  # noqa: F401
    cast,
    stop_gradient,
)
from pydl.ops.reduce import all, any, argmax, argmin, average, logsumexp, max, mean, min, norm, prod, std, sum, var  # noqa: F401

globals().update(ACTIVATIONS)               # relu, softmax, ...: one list of them
abs, amax, amin, true_divide, swish, hard_swish = absolute, max, min, divide, ACTIVATIONS["silu"], ACTIVATIONS["hard_silu"]
