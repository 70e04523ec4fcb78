"""Boundary of the dropout kernels."""
from libc.stdint cimport uint8_t, uint64_t

from pydl.kernels._common cimport Array, DType, agree, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "dropout.h":
    ctypedef struct pydl_dropout_forward_args_f32:
        const uint64_t *stream
        double rate
        const float *x
        isize n
        float *y
        uint8_t *mask
    ctypedef struct pydl_dropout_backward_args_f32:
        double rate
        const float *dy
        const uint8_t *mask
        isize n
        float *dx
    ctypedef struct pydl_dropout_noise_args_f32:
        const uint64_t *stream
        double rate
        isize n
        float *noise

cdef const pydl_kernel_row *DROPOUT_FORWARD = kernel("dropout_forward")
cdef const pydl_kernel_row *DROPOUT_BACKWARD = kernel("dropout_backward")
cdef const pydl_kernel_row *DROPOUT_NOISE = kernel("dropout_noise")


cdef int checked_rate(str who, double rate) except -1:
    if not 0 <= rate < 1:
        raise ValueError(f"{who}: rate must be in [0, 1), got {rate}")
    return 0


def dropout_forward(Array stream not None, double rate, Array x not None, Array y not None, Array mask not None):
    """y = x / (1 - rate) where mask is 1, else 0; the mask (uint8) is drawn from stream, (seed, counter)."""
    cdef pydl_dropout_forward_args_f32 a
    checked_rate("dropout_forward", rate)
    agree("dropout_forward", x, y)
    expect("dropout_forward", "stream", stream, DType.UINT64, (2,))
    expect("dropout_forward", "mask", mask, DType.UINT8, x.shape)
    a.stream = <const uint64_t *>ptr(stream); a.rate = rate
    a.x = <const float *>ptr(x); a.n = x.size; a.y = <float *>ptr(y); a.mask = <uint8_t *>ptr(mask)
    launch(DROPOUT_FORWARD, x, &a, sizeof(a), y, x.size, 2 * x.nbytes + x.size)


def dropout_backward(double rate, Array dy not None, Array mask not None, Array dx not None):
    """dx = dy / (1 - rate) where mask is 1, else 0."""
    cdef pydl_dropout_backward_args_f32 a
    checked_rate("dropout_backward", rate)
    agree("dropout_backward", dy, dx)
    expect("dropout_backward", "mask", mask, DType.UINT8, dy.shape)
    a.rate = rate; a.dy = <const float *>ptr(dy); a.mask = <const uint8_t *>ptr(mask); a.n = dy.size; a.dx = <float *>ptr(dx)
    launch(DROPOUT_BACKWARD, dy, &a, sizeof(a), dx, dy.size, 2 * dy.nbytes + dy.size)


def dropout_noise(Array stream not None, double rate, Array noise not None):
    """noise = 1 / (1 - rate) with probability 1 - rate, else 0."""
    cdef pydl_dropout_noise_args_f32 a
    checked_rate("dropout_noise", rate)
    expect("dropout_noise", "stream", stream, DType.UINT64, (2,))
    if noise.code > DType.FLOAT64:
        raise TypeError(f"dropout_noise: noise must be float32 or float64, got {noise.dtype}")
    a.stream = <const uint64_t *>ptr(stream); a.rate = rate; a.n = noise.size; a.noise = <float *>ptr(noise)
    launch(DROPOUT_NOISE, noise, &a, sizeof(a), noise, noise.size, noise.nbytes)
