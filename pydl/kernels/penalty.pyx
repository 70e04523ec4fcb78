"""Boundary of the penalty and constraint kernels."""
from pydl.kernels._common cimport Array, DType, agree, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "penalty.h":
    ctypedef struct pydl_penalty_forward_args_f32:
        void *scratch
        const float *w
        double l1, l2
        isize n
        float *value
    ctypedef struct pydl_penalty_backward_args_f32:
        const float *dvalue
        const float *w
        double l1, l2
        isize n
        float *dw
    ctypedef struct pydl_constrain_norm_args_f32:
        isize outer, d, inner
        double low, high, rate
        float *w
    ctypedef struct pydl_constrain_non_negative_args_f32:
        isize n
        float *w

cdef const pydl_kernel_row *PENALTY_FORWARD = kernel("penalty_forward")
cdef const pydl_kernel_row *PENALTY_BACKWARD = kernel("penalty_backward")
cdef const pydl_kernel_row *CONSTRAIN_NORM = kernel("constrain_norm")
cdef const pydl_kernel_row *CONSTRAIN_NON_NEGATIVE = kernel("constrain_non_negative")


cdef int floating(str who, Array w) except -1:
    if w.code > DType.FLOAT64:
        raise TypeError(f"{who}: w must be float32 or float64, got {w.dtype}")
    return 0


def penalty_forward(Array w not None, double l1, double l2, Array value not None):
    """value = l1 * sum |w| + l2 * sum w**2, a scalar."""
    cdef pydl_penalty_forward_args_f32 a
    floating("penalty_forward", w)
    expect("penalty_forward", "value", value, w.code, ())
    a.scratch = NULL; a.w = <const float *>ptr(w); a.l1 = l1; a.l2 = l2; a.n = w.size; a.value = <float *>ptr(value)
    launch(PENALTY_FORWARD, w, &a, sizeof(a), value, 4 * w.size, w.nbytes)


def penalty_backward(Array dvalue not None, Array w not None, double l1, double l2, Array dw not None):
    """dw = dvalue * (l1 * sign(w) + 2 * l2 * w)."""
    cdef pydl_penalty_backward_args_f32 a
    floating("penalty_backward", w)
    expect("penalty_backward", "dvalue", dvalue, w.code, ())
    agree("penalty_backward", w, dw)
    a.dvalue = <const float *>ptr(dvalue); a.w = <const float *>ptr(w); a.l1 = l1; a.l2 = l2; a.n = w.size; a.dw = <float *>ptr(dw)
    launch(PENALTY_BACKWARD, w, &a, sizeof(a), dw, 3 * w.size, 2 * w.nbytes)


def constrain_norm(Array w not None, Py_ssize_t first, Py_ssize_t last, double low, double high, double rate):
    """Draw the norm of w over the axes first .. last - 1 into low .. high, in place."""
    cdef pydl_constrain_norm_args_f32 a
    cdef isize axis
    floating("constrain_norm", w)
    if not 0 <= first < last <= w.ndim:
        raise ValueError(f"constrain_norm: axes {first} .. {last - 1} are not axes of shape {w.shape}")
    a.outer = a.d = a.inner = 1
    for axis in range(w.ndim):
        if axis < first: a.outer *= w.shape[axis]
        elif axis < last: a.d *= w.shape[axis]
        else: a.inner *= w.shape[axis]
    a.low = low; a.high = high; a.rate = rate; a.w = <float *>ptr(w)
    launch(CONSTRAIN_NORM, w, &a, sizeof(a), w, 3 * w.size, 3 * w.nbytes)


def constrain_non_negative(Array w not None):
    """w = max(w, 0), in place."""
    cdef pydl_constrain_non_negative_args_f32 a
    floating("constrain_non_negative", w)
    a.n = w.size; a.w = <float *>ptr(w)
    launch(CONSTRAIN_NON_NEGATIVE, w, &a, sizeof(a), w, w.size, 2 * w.nbytes)
