"""Boundary of the reductions."""
from libc.string cimport memset

from pydl.kernels._common cimport INT32, Array, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "reduce.h":
    enum: PYDL_REDUCE_DIMS
    ctypedef struct pydl_reduce_args_f32:
        void *scratch
        const float *x
        isize kept_ndim
        isize *kept_shape
        isize *kept_stride
        isize reduced_ndim
        isize *reduced_shape
        isize *reduced_stride
        double scale
        float *y
    ctypedef struct pydl_argmax_args_f32:
        const float *x
        isize outer
        isize length
        isize inner
        int *index

cdef const pydl_kernel_row *ARGMAX = kernel("argmax")
cdef const pydl_kernel_row *ARGMIN = kernel("argmin")
cdef const pydl_kernel_row *REDUCE_MAX = kernel("reduce_max")
cdef const pydl_kernel_row *REDUCE_MIN = kernel("reduce_min")
cdef const pydl_kernel_row *REDUCE_PRODUCT = kernel("reduce_product")
cdef const pydl_kernel_row *REDUCE_SUM = kernel("reduce_sum")


cdef int reduce(const pydl_kernel_row *row, str who, Array x, tuple axes, double scale, Array y) except -1:
    """axes: which to reduce, each in 0 .. ndim - 1.  y has as many elements as the other axes; its shape is the caller's affair."""
    cdef pydl_reduce_args_f32 a
    cdef isize[PYDL_REDUCE_DIMS] size, stride
    cdef int[PYDL_REDUCE_DIMS] gone, is_reduced
    cdef isize i, axis, step = 1, results = 1, merged = 0, k, r
    if x.code != y.code:
        raise TypeError(f"{who}: dtypes differ, {x.dtype.name} and {y.dtype.name}")
    memset(&a, 0, sizeof(a))
    memset(gone, 0, sizeof(gone))
    for i in range(len(axes)):
        axis = axes[i]
        if not 0 <= axis < x.ndim:
            raise ValueError(f"{who}: axis {axis} is out of range for shape {x.shape}")
        gone[axis] = 1
    for axis in range(x.ndim - 1, -1, -1):                       # innermost first; neighbours of one kind become one
        i = x.shape[axis]
        if not gone[axis]:
            results *= i
        if i != 1:
            if merged and is_reduced[merged - 1] == gone[axis]:
                size[merged - 1] *= i
            else:
                size[merged] = i
                stride[merged] = step
                is_reduced[merged] = gone[axis]
                merged += 1
        step *= i
    if results != y.size:
        raise ValueError(f"{who}: the result of {x.shape} over axes {axes} has {results} elements, y has shape {y.shape}")
    for i in range(merged - 1, -1, -1):
        if is_reduced[i]:
            a.reduced_shape[a.reduced_ndim] = size[i]; a.reduced_stride[a.reduced_ndim] = stride[i]
            a.reduced_ndim += 1
        else:
            a.kept_shape[a.kept_ndim] = size[i]; a.kept_stride[a.kept_ndim] = stride[i]
            a.kept_ndim += 1
    if a.kept_ndim == 0:
        a.kept_ndim = 1; a.kept_shape[0] = 1
    if a.reduced_ndim == 0:
        a.reduced_ndim = 1; a.reduced_shape[0] = 1; a.reduced_stride[0] = 1
    a.x = <const float *>ptr(x); a.scale = scale; a.y = <float *>ptr(y)
    return launch(row, x, &a, sizeof(a), y, x.size, x.nbytes + y.nbytes)


def reduce_sum(Array x not None, tuple axes not None, double scale, Array y not None):
    """y = scale * the sum of x over axes."""
    reduce(REDUCE_SUM, "reduce_sum", x, axes, scale, y)


def reduce_product(Array x not None, tuple axes not None, Array y not None):
    """y = the product of x over axes."""
    reduce(REDUCE_PRODUCT, "reduce_product", x, axes, 1, y)


def reduce_max(Array x not None, tuple axes not None, Array y not None):
    """y = the largest of x over axes."""
    reduce(REDUCE_MAX, "reduce_max", x, axes, 1, y)


def reduce_min(Array x not None, tuple axes not None, Array y not None):
    """y = the smallest of x over axes."""
    reduce(REDUCE_MIN, "reduce_min", x, axes, 1, y)


cdef int extreme(const pydl_kernel_row *row, str who, Array x, isize axis, Array index) except -1:
    cdef pydl_argmax_args_f32 a
    cdef isize i
    if not 0 <= axis < x.ndim:
        raise ValueError(f"{who}: axis {axis} is out of range for shape {x.shape}")
    a.length = x.shape[axis]
    if not 1 <= a.length <= 0x7fffffff:
        raise ValueError(f"{who}: axis {axis} of shape {x.shape} must have 1 .. 2147483647 elements")
    a.outer = a.inner = 1
    for i in range(axis):
        a.outer *= x.shape[i]
    for i in range(axis + 1, x.ndim):
        a.inner *= x.shape[i]
    if index.code != INT32:
        raise TypeError(f"{who}: index must be int32, got {index.dtype.name}")
    if index.size != a.outer * a.inner:
        raise ValueError(f"{who}: {a.outer * a.inner} results do not fit index of shape {index.shape}")
    a.x = <const float *>ptr(x); a.index = <int *>ptr(index)
    return launch(row, x, &a, sizeof(a), index, x.size, x.nbytes + index.nbytes)


def argmax(Array x not None, isize axis, Array index not None):
    """index = position of the first largest along axis."""
    extreme(ARGMAX, "argmax", x, axis, index)


def argmin(Array x not None, isize axis, Array index not None):
    """index = position of the first smallest along axis."""
    extreme(ARGMIN, "argmin", x, axis, index)
