"""Boundary of the pooling kernels."""
from libc.stdint cimport int32_t, uint8_t

from pydl.kernels._common cimport Array, DType, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "pool.h":
    ctypedef struct pydl_pool2d:
        isize n, h, w, c
        isize oh, ow
        isize kh, kw, sh, sw
        isize top, left
    ctypedef struct pydl_max_pool2d_forward_args_f32:
        const float *x
        pydl_pool2d g
        float *y
        uint8_t *argmax
        int32_t *argmax_wide
    ctypedef struct pydl_max_pool2d_backward_args_f32:
        const float *dy
        const uint8_t *argmax
        const int32_t *argmax_wide
        pydl_pool2d g
        float *dx
    ctypedef struct pydl_avg_pool2d_forward_args_f32:
        const float *x
        pydl_pool2d g
        float *y
    ctypedef struct pydl_avg_pool2d_backward_args_f32:
        const float *dy
        pydl_pool2d g
        float *dx
    ctypedef struct pydl_global_avg_pool_forward_args_f32:
        const float *x
        isize n, pixels, c
        float *y
    ctypedef struct pydl_global_avg_pool_backward_args_f32:
        const float *dy
        isize n, pixels, c
        float *dx
    ctypedef struct pydl_global_max_pool_forward_args_f32:
        const float *x
        isize n, pixels, c
        float *y
        int32_t *argmax
    ctypedef struct pydl_global_max_pool_backward_args_f32:
        const float *dy
        const int32_t *argmax
        isize n, pixels, c
        float *dx

cdef const pydl_kernel_row *MAX_POOL2D_FORWARD = kernel("max_pool2d_forward")
cdef const pydl_kernel_row *MAX_POOL2D_BACKWARD = kernel("max_pool2d_backward")
cdef const pydl_kernel_row *AVG_POOL2D_FORWARD = kernel("avg_pool2d_forward")
cdef const pydl_kernel_row *AVG_POOL2D_BACKWARD = kernel("avg_pool2d_backward")
cdef const pydl_kernel_row *GLOBAL_AVG_POOL_FORWARD = kernel("global_avg_pool_forward")
cdef const pydl_kernel_row *GLOBAL_AVG_POOL_BACKWARD = kernel("global_avg_pool_backward")
cdef const pydl_kernel_row *GLOBAL_MAX_POOL_FORWARD = kernel("global_max_pool_forward")
cdef const pydl_kernel_row *GLOBAL_MAX_POOL_BACKWARD = kernel("global_max_pool_backward")


cdef int windows(str who, Array x, Array y, window, strides, padding, pydl_pool2d *g) except -1:
    """Fill in the geometry; x, the images, and y, the outputs, settle the sizes, and every window covers a pixel."""
    if x.ndim != 4 or y.ndim != 4 or x.shape[0] != y.shape[0] or x.shape[3] != y.shape[3]:
        raise ValueError(f"{who}: images (n, h, w, c) and outputs (n, oh, ow, c) expected, got {x.shape} and {y.shape}")
    if x.code != y.code or x.code > DType.FLOAT64:
        raise TypeError(f"{who}: images and outputs must have one floating dtype, got {x.dtype} and {y.dtype}")
    g.n, g.h, g.w, g.c = x.shape
    g.oh, g.ow = y.shape[1], y.shape[2]
    g.kh, g.kw = window
    g.sh, g.sw = strides
    g.top, g.left = padding
    cdef isize limit = <isize>1 << 31
    if not (0 < g.kh < limit and 0 < g.kw < limit and 0 < g.sh < limit and 0 < g.sw < limit and g.kh * g.kw < limit):
        raise ValueError(f"{who}: window {window} and strides {strides} must be positive and below 2**31")
    if y.size and not (0 <= g.top < g.kh and 0 <= g.left < g.kw and g.oh < limit and g.ow < limit
                       and (g.oh - 1) * g.sh - g.top < g.h and (g.ow - 1) * g.sw - g.left < g.w and g.h > 0 and g.w > 0):
        raise ValueError(f"{who}: outputs {y.shape} do not fit images {x.shape} with window {window}, strides {strides}, "
                         f"padding {padding}: every window must cover a pixel")
    return 0


def max_pool2d_forward(Array x not None, window, strides, padding, Array y not None, Array argmax=None):
    """y = maximum of each window; argmax, uint8 (windows of up to 256 pixels) or int32, its position in the window."""
    cdef pydl_max_pool2d_forward_args_f32 a
    windows("max_pool2d_forward", x, y, window, strides, padding, &a.g)
    a.x = <const float *>ptr(x); a.y = <float *>ptr(y); a.argmax = NULL; a.argmax_wide = NULL
    if argmax is not None:
        expect("max_pool2d_forward", "argmax", argmax, DType.UINT8 if argmax.code == DType.UINT8 else DType.INT32, y.shape)
        if argmax.code == DType.UINT8:
            if a.g.kh * a.g.kw > 256:
                raise ValueError("max_pool2d_forward: a window of more than 256 pixels needs an int32 argmax")
            a.argmax = <uint8_t *>ptr(argmax)
        else:
            a.argmax_wide = <int32_t *>ptr(argmax)
    launch(MAX_POOL2D_FORWARD, x, &a, sizeof(a), y, <double>y.size * a.g.kh * a.g.kw, x.nbytes + y.nbytes)


def max_pool2d_backward(Array dy not None, Array argmax not None, window, strides, padding, Array dx not None):
    """dx = sum of the dy whose window has its maximum there."""
    cdef pydl_max_pool2d_backward_args_f32 a
    windows("max_pool2d_backward", dx, dy, window, strides, padding, &a.g)
    expect("max_pool2d_backward", "argmax", argmax, DType.UINT8 if argmax.code == DType.UINT8 else DType.INT32, dy.shape)
    a.dy = <const float *>ptr(dy); a.dx = <float *>ptr(dx)
    a.argmax = <const uint8_t *>ptr(argmax) if argmax.code == DType.UINT8 else NULL
    a.argmax_wide = <const int32_t *>ptr(argmax) if argmax.code == DType.INT32 else NULL
    launch(MAX_POOL2D_BACKWARD, dy, &a, sizeof(a), dx, dy.size, dx.nbytes + dy.nbytes)


def avg_pool2d_forward(Array x not None, window, strides, padding, Array y not None):
    """y = mean of the pixels each window covers."""
    cdef pydl_avg_pool2d_forward_args_f32 a
    windows("avg_pool2d_forward", x, y, window, strides, padding, &a.g)
    a.x = <const float *>ptr(x); a.y = <float *>ptr(y)
    launch(AVG_POOL2D_FORWARD, x, &a, sizeof(a), y, <double>y.size * a.g.kh * a.g.kw, x.nbytes + y.nbytes)


def avg_pool2d_backward(Array dy not None, window, strides, padding, Array dx not None):
    """dx = sum of dy / (pixels covered) over the windows that cover a pixel."""
    cdef pydl_avg_pool2d_backward_args_f32 a
    windows("avg_pool2d_backward", dx, dy, window, strides, padding, &a.g)
    a.dy = <const float *>ptr(dy); a.dx = <float *>ptr(dx)
    launch(AVG_POOL2D_BACKWARD, dy, &a, sizeof(a), dx, <double>dy.size * a.g.kh * a.g.kw, dx.nbytes + dy.nbytes)


cdef int whole(str who, Array x, Array y, isize *n, isize *pixels, isize *c) except -1:
    """Sizes of (n, ..., c) and (n, c): every axis in between counts as pixels, of which there must be one."""
    if x.ndim < 3 or y.ndim != 2 or y.shape[0] != x.shape[0] or y.shape[1] != x.shape[x.ndim - 1]:
        raise ValueError(f"{who}: images (n, ..., c) and outputs (n, c) expected, got {x.shape} and {y.shape}")
    if x.code != y.code or x.code > DType.FLOAT64:
        raise TypeError(f"{who}: images and outputs must have one floating dtype, got {x.dtype} and {y.dtype}")
    if y.size and not x.size:
        raise ValueError(f"{who}: images {x.shape} without pixels have no mean or maximum")
    n[0] = y.shape[0]; c[0] = y.shape[1]; pixels[0] = x.size // y.size if y.size else 1
    if pixels[0] >= <isize>1 << 31:
        raise ValueError(f"{who}: {pixels[0]} pixels in an image are too many")
    return 0


def global_avg_pool_forward(Array x not None, Array y not None):
    """y = mean over all pixels."""
    cdef pydl_global_avg_pool_forward_args_f32 a
    whole("global_avg_pool_forward", x, y, &a.n, &a.pixels, &a.c)
    a.x = <const float *>ptr(x); a.y = <float *>ptr(y)
    launch(GLOBAL_AVG_POOL_FORWARD, x, &a, sizeof(a), y, x.size, x.nbytes + y.nbytes)


def global_avg_pool_backward(Array dy not None, Array dx not None):
    """dx = dy / pixels."""
    cdef pydl_global_avg_pool_backward_args_f32 a
    whole("global_avg_pool_backward", dx, dy, &a.n, &a.pixels, &a.c)
    a.dy = <const float *>ptr(dy); a.dx = <float *>ptr(dx)
    launch(GLOBAL_AVG_POOL_BACKWARD, dy, &a, sizeof(a), dx, dx.size, dx.nbytes + dy.nbytes)


def global_max_pool_forward(Array x not None, Array y not None, Array argmax=None):
    """y = maximum over all pixels; argmax (int32) the first that has it."""
    cdef pydl_global_max_pool_forward_args_f32 a
    whole("global_max_pool_forward", x, y, &a.n, &a.pixels, &a.c)
    a.x = <const float *>ptr(x); a.y = <float *>ptr(y); a.argmax = NULL
    if argmax is not None:
        expect("global_max_pool_forward", "argmax", argmax, DType.INT32, y.shape)
        a.argmax = <int32_t *>ptr(argmax)
    launch(GLOBAL_MAX_POOL_FORWARD, x, &a, sizeof(a), y, x.size, x.nbytes + y.nbytes)


def global_max_pool_backward(Array dy not None, Array argmax not None, Array dx not None):
    """dx = dy at the pixel argmax names, 0 elsewhere."""
    cdef pydl_global_max_pool_backward_args_f32 a
    whole("global_max_pool_backward", dx, dy, &a.n, &a.pixels, &a.c)
    expect("global_max_pool_backward", "argmax", argmax, DType.INT32, dy.shape)
    a.dy = <const float *>ptr(dy); a.argmax = <const int32_t *>ptr(argmax); a.dx = <float *>ptr(dx)
    launch(GLOBAL_MAX_POOL_BACKWARD, dy, &a, sizeof(a), dx, dx.size, dx.nbytes + dy.nbytes)
