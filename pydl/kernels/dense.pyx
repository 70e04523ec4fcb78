"""Boundary of the dense layer's kernels.  x: (n, d_in), weight: (d_in, units), y: (n, units); None stands for what is not wanted."""
from libc.string cimport memset

from pydl.kernels._common cimport Array, aside, expect, isize, kernel, launch, prepare, ptr, pydl_kernel_row

cdef extern from "dense.h":
    ctypedef struct pydl_dense_forward_args_f32:
        void *scratch
        const float *x
        const float *weight
        const float *bias
        isize n, d_in, units, relu
        const float *prepared
        float *y
    ctypedef struct pydl_dense_prepare_args_f32:
        const float *weight
        isize d_in, units
        float *prepared
    ctypedef struct pydl_dense_prepared_size_args_f32:
        isize n, d_in, units
        isize *size
    ctypedef struct pydl_dense_backward_weight_args_f32:
        void *scratch
        const float *x
        const float *dy
        isize n, d_in, units
        float *dweight
        float *dbias
    ctypedef struct pydl_dense_backward_input_args_f32:
        void *scratch
        const float *dy
        const float *weight
        isize n, d_in, units
        float *dx

cdef const pydl_kernel_row *DENSE_FORWARD = kernel("dense_forward")
cdef const pydl_kernel_row *DENSE_PREPARE = kernel("dense_prepare")
cdef const pydl_kernel_row *DENSE_PREPARED_SIZE = kernel("dense_prepared_size")
cdef const pydl_kernel_row *DENSE_BACKWARD_WEIGHT = kernel("dense_backward_weight")
cdef const pydl_kernel_row *DENSE_BACKWARD_INPUT = kernel("dense_backward_input")


cdef int matrix(str who, str name, Array a) except -1:
    if a.ndim != 2:
        raise ValueError(f"{who}: {name} must be a matrix, got shape {a.shape}")
    return 0


cdef const float *kept_weight(isize n, Array weight) except? NULL:
    """The weight packed, or NULL where so many rows read it as it lies."""
    cdef pydl_dense_prepare_args_f32 a
    cdef pydl_dense_prepared_size_args_f32 ask
    cdef isize size = 0
    if not weight.weight:
        raise ValueError("dense_forward: weight must be a Parameter's, whose changes are counted")
    ask.n = n; ask.d_in = a.d_in = weight.shape[0]; ask.units = a.units = weight.shape[1]; ask.size = &size
    aside(DENSE_PREPARED_SIZE, weight, &ask)
    if not size:
        return NULL
    a.weight = <const float *>ptr(weight)
    return <const float *>ptr(prepare(weight, "dense", DENSE_PREPARE, &a, sizeof(a), size, <char *>&a.prepared - <char *>&a, ()).array)


def dense_forward(Array x not None, Array weight not None, Array bias, bint relu, Array y not None, bint keep=False):
    """y = x weight + bias, then relu.   keep: weight is a Parameter's; what is made of it is kept until it changes."""
    cdef pydl_dense_forward_args_f32 a
    memset(&a, 0, sizeof(a))
    matrix("dense_forward", "x", x)
    matrix("dense_forward", "weight", weight)
    a.n = x.shape[0]; a.d_in = x.shape[1]; a.units = weight.shape[1]; a.relu = relu
    expect("dense_forward", "weight", weight, x.code, (a.d_in, a.units))
    expect("dense_forward", "y", y, x.code, (a.n, a.units))
    if bias is not None:
        expect("dense_forward", "bias", bias, x.code, (a.units,))
        a.bias = <const float *>ptr(bias)
    if keep:
        a.prepared = kept_weight(a.n, weight)
    a.x = <const float *>ptr(x); a.weight = <const float *>ptr(weight); a.y = <float *>ptr(y)
    launch(DENSE_FORWARD, x, &a, sizeof(a), y, 2.0 * a.n * a.d_in * a.units, x.nbytes + weight.nbytes + y.nbytes)


def dense_backward_weight(Array x not None, Array dy not None, Array dweight, Array dbias):
    """dweight = x^T dy, dbias = the column sums of dy."""
    cdef pydl_dense_backward_weight_args_f32 a
    matrix("dense_backward_weight", "x", x)
    matrix("dense_backward_weight", "dy", dy)
    a.n = x.shape[0]; a.d_in = x.shape[1]; a.units = dy.shape[1]
    expect("dense_backward_weight", "dy", dy, x.code, (a.n, a.units))
    a.dweight = NULL
    a.dbias = NULL
    if dweight is not None:
        expect("dense_backward_weight", "dweight", dweight, x.code, (a.d_in, a.units))
        a.dweight = <float *>ptr(dweight)
    if dbias is not None:
        expect("dense_backward_weight", "dbias", dbias, x.code, (a.units,))
        a.dbias = <float *>ptr(dbias)
    a.scratch = NULL
    a.x = <const float *>ptr(x); a.dy = <const float *>ptr(dy)
    launch(DENSE_BACKWARD_WEIGHT, x, &a, sizeof(a), dweight if dweight is not None else dbias if dbias is not None else dy,
           2.0 * a.n * a.d_in * a.units if dweight is not None else dy.size, x.nbytes + dy.nbytes)


def dense_backward_input(Array dy not None, Array weight not None, Array dx not None):
    """dx = dy weight^T."""
    cdef pydl_dense_backward_input_args_f32 a
    matrix("dense_backward_input", "dy", dy)
    matrix("dense_backward_input", "weight", weight)
    a.n = dy.shape[0]; a.d_in = weight.shape[0]; a.units = weight.shape[1]
    expect("dense_backward_input", "weight", weight, dy.code, (a.d_in, a.units))
    expect("dense_backward_input", "dy", dy, dy.code, (a.n, a.units))
    expect("dense_backward_input", "dx", dx, dy.code, (a.n, a.d_in))
    a.scratch = NULL
    a.dy = <const float *>ptr(dy); a.weight = <const float *>ptr(weight); a.dx = <float *>ptr(dx)
    launch(DENSE_BACKWARD_INPUT, dy, &a, sizeof(a), dx, 2.0 * a.n * a.d_in * a.units, dy.nbytes + weight.nbytes + dx.nbytes)
