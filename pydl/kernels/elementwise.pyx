"""Boundary of the elementwise kernels: arithmetic of one array, and of two that are broadcast."""
from libc.string cimport memset

from pydl.kernels._common cimport BOOL, UINT8, Array, agree, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "elementwise.h":
    enum: PYDL_MAX_DIMS
    ctypedef struct pydl_pointwise_args_f32:
        const float *x
        double alpha
        isize n
        float *y
    ctypedef struct pydl_pointwise_backward_args_f32:
        const float *dy
        const float *kept
        double alpha
        isize n
        float *dx
    ctypedef struct pydl_clip_args_f32:
        const float *x
        double low
        double high
        isize n
        float *y
    ctypedef struct pydl_clip_backward_args_f32:
        const float *dy
        const float *x
        double low
        double high
        isize n
        float *dx
    ctypedef struct pydl_where_args_f32:
        const unsigned char *mask
        const float *x
        const float *y
        isize x_step
        isize y_step
        isize n
        float *z
    ctypedef struct pydl_binary_args_f32:
        const float *x
        const float *y
        isize ndim
        isize *shape
        isize *x_stride
        isize *y_stride
        void *z
    ctypedef struct pydl_logical_args:
        const unsigned char *x
        const unsigned char *y
        isize n
        unsigned char *z
    ctypedef struct pydl_logical_not_args:
        const unsigned char *x
        isize n
        unsigned char *z

cdef const pydl_kernel_row *ABSOLUTE = kernel("absolute")
cdef const pydl_kernel_row *ABSOLUTE_BACKWARD = kernel("absolute_backward")
cdef const pydl_kernel_row *ADD = kernel("add")
cdef const pydl_kernel_row *CEIL = kernel("ceil")
cdef const pydl_kernel_row *CLIP = kernel("clip")
cdef const pydl_kernel_row *CLIP_BACKWARD = kernel("clip_backward")
cdef const pydl_kernel_row *COS = kernel("cos")
cdef const pydl_kernel_row *COS_BACKWARD = kernel("cos_backward")
cdef const pydl_kernel_row *DIVIDE = kernel("divide")
cdef const pydl_kernel_row *EQUAL = kernel("equal")
cdef const pydl_kernel_row *EXP = kernel("exp")
cdef const pydl_kernel_row *EXPM1 = kernel("expm1")
cdef const pydl_kernel_row *EXPM1_BACKWARD = kernel("expm1_backward")
cdef const pydl_kernel_row *FLOOR = kernel("floor")
cdef const pydl_kernel_row *FLOOR_DIVIDE = kernel("floor_divide")
cdef const pydl_kernel_row *GREATER = kernel("greater")
cdef const pydl_kernel_row *GREATER_EQUAL = kernel("greater_equal")
cdef const pydl_kernel_row *LOG = kernel("log")
cdef const pydl_kernel_row *LOG1P = kernel("log1p")
cdef const pydl_kernel_row *LOG1P_BACKWARD = kernel("log1p_backward")
cdef const pydl_kernel_row *LOGICAL_AND = kernel("logical_and")
cdef const pydl_kernel_row *LOGICAL_NOT = kernel("logical_not")
cdef const pydl_kernel_row *LOGICAL_OR = kernel("logical_or")
cdef const pydl_kernel_row *MAXIMUM = kernel("maximum")
cdef const pydl_kernel_row *MINIMUM = kernel("minimum")
cdef const pydl_kernel_row *MULTIPLY = kernel("multiply")
cdef const pydl_kernel_row *NEGATIVE = kernel("negative")
cdef const pydl_kernel_row *NOT_EQUAL = kernel("not_equal")
cdef const pydl_kernel_row *POWER = kernel("power")
cdef const pydl_kernel_row *POWER_NUMBER = kernel("power_number")
cdef const pydl_kernel_row *POWER_NUMBER_BACKWARD = kernel("power_number_backward")
cdef const pydl_kernel_row *RECIPROCAL = kernel("reciprocal")
cdef const pydl_kernel_row *RECIPROCAL_BACKWARD = kernel("reciprocal_backward")
cdef const pydl_kernel_row *ROUND = kernel("round")
cdef const pydl_kernel_row *RSQRT = kernel("rsqrt")
cdef const pydl_kernel_row *RSQRT_BACKWARD = kernel("rsqrt_backward")
cdef const pydl_kernel_row *SCALE = kernel("scale")
cdef const pydl_kernel_row *SIGN = kernel("sign")
cdef const pydl_kernel_row *SIN = kernel("sin")
cdef const pydl_kernel_row *SIN_BACKWARD = kernel("sin_backward")
cdef const pydl_kernel_row *SQRT = kernel("sqrt")
cdef const pydl_kernel_row *SQRT_BACKWARD = kernel("sqrt_backward")
cdef const pydl_kernel_row *SQUARE = kernel("square")
cdef const pydl_kernel_row *SQUARE_BACKWARD = kernel("square_backward")
cdef const pydl_kernel_row *SUBTRACT = kernel("subtract")
cdef const pydl_kernel_row *WHERE = kernel("where")


# ---- one array

cdef int pointwise(const pydl_kernel_row *row, str who, Array x, double alpha, Array y) except -1:
    cdef pydl_pointwise_args_f32 a
    agree(who, x, y)
    a.x = <const float *>ptr(x); a.alpha = alpha; a.n = x.size; a.y = <float *>ptr(y)
    return launch(row, x, &a, sizeof(a), y, x.size, 2 * x.nbytes)


cdef int gradient(const pydl_kernel_row *row, str who, Array dy, Array kept, double alpha, Array dx) except -1:
    cdef pydl_pointwise_backward_args_f32 a
    agree(who, dy, kept)
    agree(who, dy, dx)
    a.dy = <const float *>ptr(dy); a.kept = <const float *>ptr(kept); a.alpha = alpha; a.n = dy.size; a.dx = <float *>ptr(dx)
    return launch(row, dy, &a, sizeof(a), dx, dy.size, 3 * dy.nbytes)


def negative(Array x not None, Array y not None):
    """y = -x."""
    pointwise(NEGATIVE, "negative", x, 0, y)


def reciprocal(Array x not None, Array y not None):
    """y = 1 / x."""
    pointwise(RECIPROCAL, "reciprocal", x, 0, y)


def exp(Array x not None, Array y not None):
    """y = exp(x)."""
    pointwise(EXP, "exp", x, 0, y)


def expm1(Array x not None, Array y not None):
    """y = exp(x) - 1."""
    pointwise(EXPM1, "expm1", x, 0, y)


def log(Array x not None, Array y not None):
    """y = log(x)."""
    pointwise(LOG, "log", x, 0, y)


def log1p(Array x not None, Array y not None):
    """y = log(1 + x)."""
    pointwise(LOG1P, "log1p", x, 0, y)


def sqrt(Array x not None, Array y not None):
    """y = the square root of x."""
    pointwise(SQRT, "sqrt", x, 0, y)


def rsqrt(Array x not None, Array y not None):
    """y = 1 / sqrt(x)."""
    pointwise(RSQRT, "rsqrt", x, 0, y)


def square(Array x not None, Array y not None):
    """y = x * x."""
    pointwise(SQUARE, "square", x, 0, y)


def absolute(Array x not None, Array y not None):
    """y = |x|."""
    pointwise(ABSOLUTE, "absolute", x, 0, y)


def sign(Array x not None, Array y not None):
    """y = -1, 0 or 1."""
    pointwise(SIGN, "sign", x, 0, y)


def sin(Array x not None, Array y not None):
    """y = sin(x)."""
    pointwise(SIN, "sin", x, 0, y)


def cos(Array x not None, Array y not None):
    """y = cos(x)."""
    pointwise(COS, "cos", x, 0, y)


def floor(Array x not None, Array y not None):
    """y = the largest integer <= x."""
    pointwise(FLOOR, "floor", x, 0, y)


def ceil(Array x not None, Array y not None):
    """y = the smallest integer >= x."""
    pointwise(CEIL, "ceil", x, 0, y)


def round(Array x not None, Array y not None):
    """y = the nearest integer, halves to even."""
    pointwise(ROUND, "round", x, 0, y)


def scale(Array x not None, double alpha, Array y not None):
    """y = alpha * x."""
    pointwise(SCALE, "scale", x, alpha, y)


def power_number(Array x not None, double alpha, Array y not None):
    """y = x ** alpha."""
    pointwise(POWER_NUMBER, "power_number", x, alpha, y)


def power_number_backward(Array dy not None, Array x not None, double alpha, Array dx not None):
    """dx = dy * alpha * x ** (alpha - 1)."""
    gradient(POWER_NUMBER_BACKWARD, "power_number_backward", dy, x, alpha, dx)


def reciprocal_backward(Array dy not None, Array y not None, Array dx not None):
    """dx = -dy * y * y."""
    gradient(RECIPROCAL_BACKWARD, "reciprocal_backward", dy, y, 0, dx)


def expm1_backward(Array dy not None, Array y not None, Array dx not None):
    """dx = dy * (y + 1)."""
    gradient(EXPM1_BACKWARD, "expm1_backward", dy, y, 0, dx)


def log1p_backward(Array dy not None, Array x not None, Array dx not None):
    """dx = dy / (1 + x)."""
    gradient(LOG1P_BACKWARD, "log1p_backward", dy, x, 0, dx)


def sqrt_backward(Array dy not None, Array y not None, Array dx not None):
    """dx = dy / (2 * y)."""
    gradient(SQRT_BACKWARD, "sqrt_backward", dy, y, 0, dx)


def rsqrt_backward(Array dy not None, Array y not None, Array dx not None):
    """dx = -dy * y ** 3 / 2."""
    gradient(RSQRT_BACKWARD, "rsqrt_backward", dy, y, 0, dx)


def square_backward(Array dy not None, Array x not None, Array dx not None):
    """dx = 2 * dy * x."""
    gradient(SQUARE_BACKWARD, "square_backward", dy, x, 0, dx)


def absolute_backward(Array dy not None, Array x not None, Array dx not None):
    """dx = dy * sign(x)."""
    gradient(ABSOLUTE_BACKWARD, "absolute_backward", dy, x, 0, dx)


def sin_backward(Array dy not None, Array x not None, Array dx not None):
    """dx = dy * cos(x)."""
    gradient(SIN_BACKWARD, "sin_backward", dy, x, 0, dx)


def cos_backward(Array dy not None, Array x not None, Array dx not None):
    """dx = -dy * sin(x)."""
    gradient(COS_BACKWARD, "cos_backward", dy, x, 0, dx)


def clip(Array x not None, double low, double high, Array y not None):
    """y = min(max(x, low), high)."""
    cdef pydl_clip_args_f32 a
    agree("clip", x, y)
    a.x = <const float *>ptr(x); a.low = low; a.high = high; a.n = x.size; a.y = <float *>ptr(y)
    launch(CLIP, x, &a, sizeof(a), y, x.size, 2 * x.nbytes)


def clip_backward(Array dy not None, Array x not None, double low, double high, Array dx not None):
    """dx = low <= x <= high ? dy : 0."""
    cdef pydl_clip_backward_args_f32 a
    agree("clip_backward", dy, x)
    agree("clip_backward", dy, dx)
    a.dy = <const float *>ptr(dy); a.x = <const float *>ptr(x); a.low = low; a.high = high; a.n = dy.size; a.dx = <float *>ptr(dx)
    launch(CLIP_BACKWARD, dy, &a, sizeof(a), dx, dy.size, 3 * dy.nbytes)


cdef int is_mask(str who, Array mask, Array like) except -1:
    if mask.code != BOOL and mask.code != UINT8:
        raise TypeError(f"{who}: the mask must be bool, got {mask.dtype.name}")
    if mask.size != like.size:
        raise ValueError(f"{who}: sizes differ, shapes {mask.shape} and {like.shape}")
    return 0


def where(Array mask not None, Array x not None, Array y not None, Array z not None):
    """z = mask ? x : y; x and y have the size of the mask, or 1."""
    cdef pydl_where_args_f32 a
    is_mask("where", mask, z)
    if x.code != z.code or y.code != z.code:
        raise TypeError(f"where: dtypes differ, {x.dtype.name}, {y.dtype.name} and {z.dtype.name}")
    if (x.size != z.size and x.size != 1) or (y.size != z.size and y.size != 1):
        raise ValueError(f"where: shapes {x.shape} and {y.shape} do not fit the mask's {mask.shape}")
    a.mask = <const unsigned char *>ptr(mask); a.x = <const float *>ptr(x); a.y = <const float *>ptr(y)
    a.x_step = x.size == z.size; a.y_step = y.size == z.size; a.n = z.size; a.z = <float *>ptr(z)
    launch(WHERE, z, &a, sizeof(a), z, z.size, mask.nbytes + x.nbytes + y.nbytes + z.nbytes)


# ---- masks

cdef int logical(const pydl_kernel_row *row, str who, Array x, Array y, Array z) except -1:
    cdef pydl_logical_args a
    is_mask(who, x, z)
    is_mask(who, y, z)
    is_mask(who, z, z)
    a.x = <const unsigned char *>ptr(x); a.y = <const unsigned char *>ptr(y); a.n = z.size; a.z = <unsigned char *>ptr(z)
    return launch(row, None, &a, sizeof(a), z, z.size, 3 * z.nbytes)


def logical_and(Array x not None, Array y not None, Array z not None):
    """z = x and y."""
    logical(LOGICAL_AND, "logical_and", x, y, z)


def logical_or(Array x not None, Array y not None, Array z not None):
    """z = x or y."""
    logical(LOGICAL_OR, "logical_or", x, y, z)


def logical_not(Array x not None, Array z not None):
    """z = not x."""
    cdef pydl_logical_not_args a
    is_mask("logical_not", x, z)
    is_mask("logical_not", z, z)
    a.x = <const unsigned char *>ptr(x); a.n = z.size; a.z = <unsigned char *>ptr(z)
    launch(LOGICAL_NOT, None, &a, sizeof(a), z, z.size, 2 * z.nbytes)


# ---- two arrays, broadcast

cdef int merge_axes(str who, Array x, Array y, Array z, pydl_binary_args_f32 *a) except -1:
    """Fill in the axes, as few as do: sizes of 1 are dropped, neighbours that both arrays step through evenly become one."""
    cdef isize n, nx, ny, x_step = 1, y_step = 1, merged = 0, i, k
    cdef isize[PYDL_MAX_DIMS] shape, x_stride, y_stride          # innermost first
    if x.ndim > z.ndim or y.ndim > z.ndim:
        raise ValueError(f"{who}: shapes {x.shape} and {y.shape} do not broadcast to {z.shape}")
    for k in range(1, z.ndim + 1):
        n = z.shape[z.ndim - k]
        nx = x.shape[x.ndim - k] if k <= x.ndim else 1
        ny = y.shape[y.ndim - k] if k <= y.ndim else 1
        if not ((nx == n and (ny == n or ny == 1)) or (nx == 1 and ny == n)):
            raise ValueError(f"{who}: shapes {x.shape} and {y.shape} do not broadcast to {z.shape}")
        if n != 1:
            if merged and (x_step if nx != 1 else 0) == x_stride[merged - 1] * shape[merged - 1] \
                    and (y_step if ny != 1 else 0) == y_stride[merged - 1] * shape[merged - 1]:
                shape[merged - 1] *= n
            else:
                shape[merged] = n
                x_stride[merged] = x_step if nx != 1 else 0
                y_stride[merged] = y_step if ny != 1 else 0
                merged += 1
        x_step *= nx
        y_step *= ny
    if merged == 0:
        shape[0] = x_stride[0] = y_stride[0] = 1
        merged = 1
    a.ndim = merged
    for i in range(merged):
        a.shape[i] = shape[merged - 1 - i]
        a.x_stride[i] = x_stride[merged - 1 - i]
        a.y_stride[i] = y_stride[merged - 1 - i]
    return 0


cdef int binary(const pydl_kernel_row *row, str who, Array x, Array y, Array z, bint compares) except -1:
    cdef pydl_binary_args_f32 a
    if x.code != y.code or (not compares and z.code != x.code):
        raise TypeError(f"{who}: dtypes differ, {x.dtype.name}, {y.dtype.name} and {z.dtype.name}")
    if compares and z.code != BOOL:
        raise TypeError(f"{who}: z must be bool, got {z.dtype.name}")
    memset(&a, 0, sizeof(a))
    merge_axes(who, x, y, z, &a)
    a.x = <const float *>ptr(x); a.y = <const float *>ptr(y); a.z = ptr(z)
    return launch(row, x, &a, sizeof(a), z, z.size, x.nbytes + y.nbytes + z.nbytes)


def add(Array x not None, Array y not None, Array z not None):
    """z = x + y, x and y broadcast."""
    binary(ADD, "add", x, y, z, False)


def subtract(Array x not None, Array y not None, Array z not None):
    """z = x - y, x and y broadcast."""
    binary(SUBTRACT, "subtract", x, y, z, False)


def multiply(Array x not None, Array y not None, Array z not None):
    """z = x * y, x and y broadcast."""
    binary(MULTIPLY, "multiply", x, y, z, False)


def divide(Array x not None, Array y not None, Array z not None):
    """z = x / y, x and y broadcast."""
    binary(DIVIDE, "divide", x, y, z, False)


def power(Array x not None, Array y not None, Array z not None):
    """z = x ** y, x and y broadcast."""
    binary(POWER, "power", x, y, z, False)


def maximum(Array x not None, Array y not None, Array z not None):
    """z = the larger of x and y, x and y broadcast."""
    binary(MAXIMUM, "maximum", x, y, z, False)


def minimum(Array x not None, Array y not None, Array z not None):
    """z = the smaller of x and y, x and y broadcast."""
    binary(MINIMUM, "minimum", x, y, z, False)


def floor_divide(Array x not None, Array y not None, Array z not None):
    """z = floor(x / y), x and y broadcast."""
    binary(FLOOR_DIVIDE, "floor_divide", x, y, z, False)


def equal(Array x not None, Array y not None, Array z not None):
    """z = x == y, x and y broadcast."""
    binary(EQUAL, "equal", x, y, z, True)


def not_equal(Array x not None, Array y not None, Array z not None):
    """z = x != y, x and y broadcast."""
    binary(NOT_EQUAL, "not_equal", x, y, z, True)


def greater(Array x not None, Array y not None, Array z not None):
    """z = x > y, x and y broadcast."""
    binary(GREATER, "greater", x, y, z, True)


def greater_equal(Array x not None, Array y not None, Array z not None):
    """z = x >= y, x and y broadcast."""
    binary(GREATER_EQUAL, "greater_equal", x, y, z, True)
