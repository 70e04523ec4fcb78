"""Boundary of the activation kernels."""
from pydl.kernels._common cimport Array, agree, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "activation.h":
    ctypedef struct pydl_leaky_relu_forward_args_f32:
        const float *x
        double slope
        isize n
        float *y
    ctypedef struct pydl_leaky_relu_backward_args_f32:
        const float *dy
        const float *y
        double slope
        isize n
        float *dx

cdef const pydl_kernel_row *LEAKY_RELU_FORWARD = kernel("leaky_relu_forward")
cdef const pydl_kernel_row *LEAKY_RELU_BACKWARD = kernel("leaky_relu_backward")


def leaky_relu_forward(Array x not None, double slope, Array y not None):
    """y = x > 0 ? x : slope * x."""
    cdef pydl_leaky_relu_forward_args_f32 a
    agree("leaky_relu_forward", x, y)
    a.x = <const float *>ptr(x); a.slope = slope; a.n = x.size; a.y = <float *>ptr(y)
    launch(LEAKY_RELU_FORWARD, x, &a, sizeof(a), y, x.size, 2 * x.nbytes)


def leaky_relu_backward(Array dy not None, Array y not None, double slope, Array dx not None):
    """dx = y > 0 ? dy : slope * dy."""
    cdef pydl_leaky_relu_backward_args_f32 a
    agree("leaky_relu_backward", dy, y)
    agree("leaky_relu_backward", dy, dx)
    a.dy = <const float *>ptr(dy); a.y = <const float *>ptr(y); a.slope = slope; a.n = dy.size; a.dx = <float *>ptr(dx)
    launch(LEAKY_RELU_BACKWARD, dy, &a, sizeof(a), dx, dy.size, 3 * dy.nbytes)
