"""Boundary of the convolution that is pooled at once."""
from libc.stdint cimport uint8_t
from libc.string cimport memset

from pydl.kernels._common cimport Array, DType, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "conv_pool.h":
    ctypedef struct pydl_conv2d:
        isize n, h, w, c_in
        isize kh, kw, c_out, groups
        isize stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left
        isize h_out, w_out
    ctypedef struct pydl_pool2d:
        isize n, h, w, c
        isize oh, ow
        isize kh, kw, sh, sw
        isize top, left
    ctypedef struct pydl_conv2d_max_pool_forward_args_f32:
        const float *x
        const float *weight
        const float *bias
        pydl_conv2d s
        pydl_pool2d g
        isize relu
        isize winograd
        float *y
        uint8_t *argmax
    ctypedef struct pydl_conv2d_max_pool_backward_args_f32:
        const float *x
        const float *dy
        const float *relu_y
        const uint8_t *argmax
        const float *weight
        pydl_conv2d s
        pydl_pool2d g
        isize winograd
        float *dx
        float *dweight
        float *dbias

cdef const pydl_kernel_row *CONV2D_MAX_POOL_FORWARD = kernel("conv2d_max_pool_forward")
cdef const pydl_kernel_row *CONV2D_MAX_POOL_BACKWARD = kernel("conv2d_max_pool_backward")


cdef int geometry(str who, pydl_conv2d *s, pydl_pool2d *g, Array x, Array weight, tuple strides, tuple dilation, tuple pad, isize groups, tuple size,
                  tuple window, tuple pool_strides, tuple pool_pad, Array y) except -1:
    """Fill in both geometries.   size: (h_out, w_out) of the convolution; every window of the pooling covers a pixel of it."""
    if x.ndim != 4 or weight.ndim != 4 or y.ndim != 4 or x.shape[0] != y.shape[0] or weight.shape[3] != y.shape[3]:
        raise ValueError(f"{who}: images (n, h, w, c), weight (kh, kw, c / groups, f) and outputs (n, oh, ow, f) expected, "
                         f"got {x.shape}, {weight.shape} and {y.shape}")
    memset(s, 0, sizeof(s[0]))
    memset(g, 0, sizeof(g[0]))
    s.n, s.h, s.w, s.c_in = x.shape
    s.kh, s.kw, _, s.c_out = weight.shape
    s.groups = groups
    s.stride_h, s.stride_w = strides
    s.dilation_h, s.dilation_w = dilation
    s.pad_top, s.pad_left = pad
    s.h_out, s.w_out = size
    g.n, g.h, g.w, g.c = s.n, s.h_out, s.w_out, s.c_out
    g.oh, g.ow = y.shape[1], y.shape[2]
    g.kh, g.kw = window
    g.sh, g.sw = pool_strides
    g.top, g.left = pool_pad
    if s.kh < 1 or s.kw < 1 or s.stride_h < 1 or s.stride_w < 1 or s.dilation_h < 1 or s.dilation_w < 1 or s.pad_top < 0 or s.pad_left < 0:
        raise ValueError(f"{who}: window {weight.shape[:2]}, strides {strides} and dilation {dilation} must be positive, padding {pad} not negative")
    if groups < 1 or s.c_in < 1 or s.c_out < 1 or s.c_in % groups or s.c_out % groups:
        raise ValueError(f"{who}: {groups} groups must divide {s.c_in} and {s.c_out} channels")
    if s.h_out < 0 or s.w_out < 0 or g.kh < 1 or g.kw < 1 or g.sh < 1 or g.sw < 1 or window[0] * window[1] > 256:
        raise ValueError(f"{who}: {size} windows must not be negative, pooling by {window} and {pool_strides} must be positive and of up to 256 pixels")
    rows = max(x.shape[1], (size[0] + 1) * strides[0] + weight.shape[0] * dilation[0]) + pad[0]        # Python integers: they do not overflow
    columns = max(x.shape[2], (size[1] + 1) * strides[1] + weight.shape[1] * dilation[1]) + pad[1]
    rows, columns = max(rows, (g.oh + 1) * pool_strides[0]), max(columns, (g.ow + 1) * pool_strides[1])
    if max(x.shape[0], 1) * rows * columns * max(x.shape[3], y.shape[3], 1) * s.kh * s.kw >= 1 << 58:
        raise ValueError(f"{who}: images of shape {x.shape} with window {weight.shape[:2]}, strides {strides}, dilation {dilation}, padding {pad} are too large")
    if y.size and not (0 <= g.top < g.kh and 0 <= g.left < g.kw and (g.oh - 1) * g.sh - g.top < g.h and (g.ow - 1) * g.sw - g.left < g.w
                       and g.h > 0 and g.w > 0):
        raise ValueError(f"{who}: outputs {y.shape} do not fit a convolution of size {size} pooled by window {window}, strides {pool_strides}, "
                         f"padding {pool_pad}: every window must cover a pixel")
    expect(who, "weight", weight, x.code, (s.kh, s.kw, s.c_in // groups, s.c_out))
    expect(who, "y", y, x.code, y.shape)
    return 0


cdef double work(pydl_conv2d *s):
    return 2.0 * s.n * s.h_out * s.w_out * s.kh * s.kw * (s.c_in // s.groups) * s.c_out


def conv2d_max_pool_forward(Array x not None, Array weight not None, Array bias, tuple strides, tuple dilation, tuple pad, isize groups, tuple size,
                            tuple window, tuple pool_strides, tuple pool_pad, bint relu, isize winograd, Array y not None, Array argmax):
    """y = maxima of windows of (x convolved with weight, + bias, max(., 0) if relu); argmax (uint8, or None) their positions in the windows."""
    cdef pydl_conv2d_max_pool_forward_args_f32 a
    memset(&a, 0, sizeof(a))
    geometry("conv2d_max_pool_forward", &a.s, &a.g, x, weight, strides, dilation, pad, groups, size, window, pool_strides, pool_pad, y)
    if bias is not None:
        expect("conv2d_max_pool_forward", "bias", bias, x.code, (a.s.c_out,))
        a.bias = <const float *>ptr(bias)
    if argmax is not None:
        expect("conv2d_max_pool_forward", "argmax", argmax, DType.UINT8, y.shape)
        a.argmax = <uint8_t *>ptr(argmax)
    a.x = <const float *>ptr(x); a.weight = <const float *>ptr(weight); a.relu = relu; a.winograd = winograd; a.y = <float *>ptr(y)
    launch(CONV2D_MAX_POOL_FORWARD, x, &a, sizeof(a), y, work(&a.s) + <double>y.size * a.g.kh * a.g.kw,
           x.nbytes + weight.nbytes + y.nbytes + (0 if argmax is None else argmax.nbytes))


def conv2d_max_pool_backward(Array x not None, Array dy not None, Array relu_y, Array argmax not None, Array weight not None, tuple strides,
                             tuple dilation, tuple pad, isize groups, tuple size, tuple window, tuple pool_strides, tuple pool_pad, isize winograd,
                             Array dx, Array dweight, Array dbias):
    """dx, dweight, dbias = the gradients for dy, the gradient by y; each may be None, dbias is where dweight is.

    relu_y: y of a forward call with relu, or None; argmax: of that call.
    """
    cdef str who = "conv2d_max_pool_backward"
    cdef pydl_conv2d_max_pool_backward_args_f32 a
    memset(&a, 0, sizeof(a))
    geometry(who, &a.s, &a.g, x, weight, strides, dilation, pad, groups, size, window, pool_strides, pool_pad, dy)
    expect(who, "argmax", argmax, DType.UINT8, dy.shape)
    if relu_y is not None:
        expect(who, "relu_y", relu_y, dy.code, dy.shape)
        a.relu_y = <const float *>ptr(relu_y)
    if dx is None and dweight is None:
        raise ValueError(f"{who}: neither dx nor dweight is given")
    if dx is not None:
        expect(who, "dx", dx, x.code, x.shape)
        a.dx = <float *>ptr(dx)
    if dweight is not None:
        expect(who, "dweight", dweight, x.code, weight.shape)
        a.dweight = <float *>ptr(dweight)
    if dbias is not None:
        if dweight is None:
            raise ValueError(f"{who}: dbias without dweight")
        expect(who, "dbias", dbias, x.code, (a.s.c_out,))
        a.dbias = <float *>ptr(dbias)
    a.x = <const float *>ptr(x); a.dy = <const float *>ptr(dy); a.argmax = <const uint8_t *>ptr(argmax); a.weight = <const float *>ptr(weight)
    a.winograd = winograd
    launch(CONV2D_MAX_POOL_BACKWARD, dy, &a, sizeof(a), dx if dweight is None else dweight, work(&a.s) * ((dx is not None) + (dweight is not None)),
           dy.nbytes + argmax.nbytes + weight.nbytes + (0 if dx is None else dx.nbytes) + (0 if dweight is None else x.nbytes + dweight.nbytes))
