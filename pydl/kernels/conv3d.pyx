"""Boundary of the convolution kernels for volumes."""
from libc.string cimport memset

from pydl.kernels._common cimport Array, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "conv3d.h":
    ctypedef struct pydl_conv3d:
        isize n
        isize c_in
        isize c_out
        isize groups
        isize size[3]
        isize window[3]
        isize stride[3]
        isize dilation[3]
        isize pad[3]
        isize out[3]
    ctypedef struct pydl_conv3d_forward_args_f32:
        const float *x
        const float *weight
        const float *bias
        pydl_conv3d s
        isize relu
        float *y
    ctypedef struct pydl_conv3d_backward_input_args_f32:
        const float *dy
        const float *weight
        pydl_conv3d s
        float *dx
    ctypedef struct pydl_conv3d_backward_weight_args_f32:
        const float *x
        const float *dy
        pydl_conv3d s
        float *dweight
        float *dbias

cdef const pydl_kernel_row *CONV3D_FORWARD = kernel("conv3d_forward")
cdef const pydl_kernel_row *CONV3D_BACKWARD_INPUT = kernel("conv3d_backward_input")
cdef const pydl_kernel_row *CONV3D_BACKWARD_WEIGHT = kernel("conv3d_backward_weight")


cdef int volume(str who, pydl_conv3d *s, Array x, Array weight, tuple strides, tuple dilation, tuple pad, isize groups, Array y) except -1:
    """Fill in the geometry from x (n, d, h, w, c_in), weight and y (n, d_out, h_out, w_out, c_out), and check that they fit together."""
    cdef int d
    if x.ndim != 5 or y.ndim != 5 or weight.ndim != 5:
        raise ValueError(f"{who}: volumes and weight must have 5 axes, got shapes {x.shape}, {y.shape} and {weight.shape}")
    if len(strides) != 3 or len(dilation) != 3 or len(pad) != 3:
        raise ValueError(f"{who}: strides, dilation and padding must have three numbers, got {strides}, {dilation} and {pad}")
    if x.shape[0] != y.shape[0]:
        raise ValueError(f"{who}: batch sizes differ, shapes {x.shape} and {y.shape}")
    memset(s, 0, sizeof(s[0]))
    s.n, s.c_in, s.c_out, s.groups = x.shape[0], x.shape[4], y.shape[4], groups
    reach = 1                                                                # Python integers: they do not overflow
    for d in range(3):
        s.size[d], s.window[d], s.out[d] = x.shape[d + 1], weight.shape[d], y.shape[d + 1]
        s.stride[d], s.dilation[d], s.pad[d] = strides[d], dilation[d], pad[d]
        if s.window[d] < 1 or s.stride[d] < 1 or s.dilation[d] < 1 or s.pad[d] < 0:
            raise ValueError(f"{who}: window {weight.shape[:3]}, strides {strides} and dilation {dilation} must be positive, padding {pad} not negative")
        reach *= (max(x.shape[d + 1], (y.shape[d + 1] + 1) * strides[d] + weight.shape[d] * dilation[d]) + pad[d]) * weight.shape[d]
    if max(x.shape[0], 1) * max(x.shape[4], y.shape[4], 1) * reach >= 1 << 58:
        raise ValueError(f"{who}: volumes of shape {x.shape} with window {weight.shape[:3]}, strides {strides}, dilation {dilation}, padding {pad} are too large")
    if groups < 1 or s.c_in < 1 or s.c_out < 1 or s.c_in % groups or s.c_out % groups:
        raise ValueError(f"{who}: {groups} groups must divide {s.c_in} and {s.c_out} channels")
    expect(who, "weight", weight, x.code, (*weight.shape[:3], s.c_in // groups, s.c_out))
    expect(who, "y", y, x.code, y.shape)
    return 0


cdef double work(pydl_conv3d *s):
    return 2.0 * s.n * s.out[0] * s.out[1] * s.out[2] * s.window[0] * s.window[1] * s.window[2] * (s.c_in // s.groups) * s.c_out


def conv3d_forward(Array x not None, Array weight not None, Array bias, tuple strides, tuple dilation, tuple pad, isize groups, bint relu, Array y not None):
    """y = convolution of x with weight, + bias (may be None), then max(y, 0) if relu.  pad: before each axis."""
    cdef pydl_conv3d_forward_args_f32 a
    memset(&a, 0, sizeof(a))
    volume("conv3d_forward", &a.s, x, weight, strides, dilation, pad, groups, y)
    if bias is not None:
        expect("conv3d_forward", "bias", bias, x.code, (a.s.c_out,))
        a.bias = <const float *>ptr(bias)
    a.x = <const float *>ptr(x); a.weight = <const float *>ptr(weight); a.relu = relu; a.y = <float *>ptr(y)
    launch(CONV3D_FORWARD, x, &a, sizeof(a), y, work(&a.s), x.nbytes + weight.nbytes + y.nbytes)


def conv3d_backward_input(Array dy not None, Array weight not None, tuple strides, tuple dilation, tuple pad, isize groups, Array dx not None):
    """dx = the gradient by x."""
    cdef pydl_conv3d_backward_input_args_f32 a
    memset(&a, 0, sizeof(a))
    volume("conv3d_backward_input", &a.s, dx, weight, strides, dilation, pad, groups, dy)
    a.dy = <const float *>ptr(dy); a.weight = <const float *>ptr(weight); a.dx = <float *>ptr(dx)
    launch(CONV3D_BACKWARD_INPUT, dy, &a, sizeof(a), dx, work(&a.s), dy.nbytes + weight.nbytes + dx.nbytes)


def conv3d_backward_weight(Array x not None, Array dy not None, tuple strides, tuple dilation, tuple pad, isize groups, Array dweight not None, Array dbias):
    """dweight, and dbias unless it is None."""
    cdef pydl_conv3d_backward_weight_args_f32 a
    memset(&a, 0, sizeof(a))
    volume("conv3d_backward_weight", &a.s, x, dweight, strides, dilation, pad, groups, dy)
    if dbias is not None:
        expect("conv3d_backward_weight", "dbias", dbias, x.code, (a.s.c_out,))
        a.dbias = <float *>ptr(dbias)
    a.x = <const float *>ptr(x); a.dy = <const float *>ptr(dy); a.dweight = <float *>ptr(dweight)
    launch(CONV3D_BACKWARD_WEIGHT, x, &a, sizeof(a), dweight, work(&a.s), x.nbytes + dy.nbytes + dweight.nbytes)
