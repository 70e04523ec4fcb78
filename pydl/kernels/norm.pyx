"""Boundary of the normalisation kernels.  Everything but the last axes counts as rows; None stands for what is not wanted."""
from pydl.kernels._common cimport Array, agree, changed, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "norm.h":
    ctypedef struct pydl_batch_norm_forward_args_f32:
        void *scratch
        const float *x
        const float *gamma
        const float *beta
        const float *skip
        double epsilon, momentum
        isize rows, c, relu
        float *y
        float *mean
        float *rstd
        float *moving_mean
        float *moving_variance
    ctypedef struct pydl_batch_norm_backward_args_f32:
        void *scratch
        const float *dy
        const float *x
        const float *gamma
        const float *beta
        const float *mean
        const float *rstd
        const float *y
        isize rows, c, relu
        float *dx
        float *dgamma
        float *dbeta
        float *dskip
    ctypedef struct pydl_batch_norm_inference_forward_args_f32:
        void *scratch
        const float *x
        const float *gamma
        const float *beta
        const float *mean
        const float *variance
        double epsilon
        isize rows, c, relu
        float *y
    ctypedef struct pydl_batch_norm_inference_backward_args_f32:
        void *scratch
        const float *dy
        const float *x
        const float *gamma
        const float *beta
        const float *mean
        const float *variance
        double epsilon
        isize rows, c, relu
        float *dx
        float *dgamma
        float *dbeta
    ctypedef struct pydl_layer_norm_forward_args_f32:
        const float *x
        const float *gamma
        const float *beta
        double epsilon
        isize rows, c
        float *y
        float *mean
        float *rstd
    ctypedef struct pydl_layer_norm_backward_args_f32:
        void *scratch
        const float *dy
        const float *x
        const float *gamma
        const float *mean
        const float *rstd
        isize rows, c
        float *dx
        float *dgamma
        float *dbeta

cdef const pydl_kernel_row *BATCH_NORM_FORWARD = kernel("batch_norm_forward")
cdef const pydl_kernel_row *BATCH_NORM_BACKWARD = kernel("batch_norm_backward")
cdef const pydl_kernel_row *BATCH_NORM_INFERENCE_FORWARD = kernel("batch_norm_inference_forward")
cdef const pydl_kernel_row *BATCH_NORM_INFERENCE_BACKWARD = kernel("batch_norm_inference_backward")
cdef const pydl_kernel_row *LAYER_NORM_FORWARD = kernel("layer_norm_forward")
cdef const pydl_kernel_row *LAYER_NORM_BACKWARD = kernel("layer_norm_backward")


cdef isize channels(str who, Array x) except -1:
    if x.ndim < 2:
        raise ValueError(f"{who}: an array (..., c) of at least two axes expected, got shape {x.shape}")
    return x.shape[x.ndim - 1]


cdef float *per(str who, str name, Array a, Array x, isize size) except? NULL:
    """The pointer of an array of x's dtype and shape (size,); NULL for None."""
    if a is None:
        return NULL
    expect(who, name, a, x.code, (size,))
    return <float *>ptr(a)


cdef float *like(str who, Array a, Array x) except? NULL:
    """The pointer of an array like x; NULL for None."""
    if a is None:
        return NULL
    agree(who, x, a)
    return <float *>ptr(a)


def batch_norm_forward(Array x not None, Array gamma, Array beta, double epsilon, double momentum, bint relu, Array y not None,
                       Array mean not None, Array rstd not None, Array moving_mean=None, Array moving_variance=None, Array skip=None):
    """Normalise by the statistics of this batch, keep mean and rstd, and move the moving statistics.  skip is added before the relu."""
    cdef pydl_batch_norm_forward_args_f32 a
    cdef isize c = channels("batch_norm_forward", x)
    if (moving_mean is None) != (moving_variance is None):
        raise ValueError("batch_norm_forward: moving_mean and moving_variance come together or not at all")
    a.scratch = NULL
    a.x = <const float *>ptr(x); a.y = like("batch_norm_forward", y, x); a.skip = like("batch_norm_forward", skip, x)
    a.gamma = per("batch_norm_forward", "gamma", gamma, x, c); a.beta = per("batch_norm_forward", "beta", beta, x, c)
    a.epsilon = epsilon; a.momentum = momentum; a.rows = x.size // c if c else 0; a.c = c; a.relu = relu
    a.mean = per("batch_norm_forward", "mean", mean, x, c); a.rstd = per("batch_norm_forward", "rstd", rstd, x, c)
    a.moving_mean = per("batch_norm_forward", "moving_mean", moving_mean, x, c)
    a.moving_variance = per("batch_norm_forward", "moving_variance", moving_variance, x, c)
    launch(BATCH_NORM_FORWARD, x, &a, sizeof(a), y, 8 * x.size, 2 * x.nbytes)
    if moving_mean is not None:
        changed(moving_mean)
        changed(moving_variance)


def batch_norm_backward(Array dy not None, Array x not None, Array gamma, Array beta, Array mean not None, Array rstd not None, bint relu,
                        Array dx, Array dgamma, Array dbeta, Array y=None, Array dskip=None):
    """Gradients through the statistics of the batch.  y, dskip: of a forward call with skip and relu."""
    cdef pydl_batch_norm_backward_args_f32 a
    cdef isize c = channels("batch_norm_backward", x)
    a.scratch = NULL
    a.x = <const float *>ptr(x); a.dy = like("batch_norm_backward", dy, x)
    a.gamma = per("batch_norm_backward", "gamma", gamma, x, c); a.beta = per("batch_norm_backward", "beta", beta, x, c)
    a.mean = per("batch_norm_backward", "mean", mean, x, c); a.rstd = per("batch_norm_backward", "rstd", rstd, x, c)
    a.rows = x.size // c if c else 0; a.c = c; a.relu = relu
    if (y is None) != (dskip is None):
        raise ValueError("batch_norm_backward: y and dskip come together or not at all")
    a.y = like("batch_norm_backward", y, x); a.dskip = like("batch_norm_backward", dskip, x)
    a.dx = like("batch_norm_backward", dx, x)
    a.dgamma = per("batch_norm_backward", "dgamma", dgamma, x, c); a.dbeta = per("batch_norm_backward", "dbeta", dbeta, x, c)
    launch(BATCH_NORM_BACKWARD, x, &a, sizeof(a), dy if dx is None else dx, 10 * x.size, 3 * x.nbytes)


def batch_norm_inference_forward(Array x not None, Array gamma, Array beta, Array mean not None, Array variance not None, double epsilon,
                                 bint relu, Array y not None):
    """Normalise by given statistics."""
    cdef pydl_batch_norm_inference_forward_args_f32 a
    cdef isize c = channels("batch_norm_inference_forward", x)
    a.scratch = NULL
    a.x = <const float *>ptr(x); a.y = like("batch_norm_inference_forward", y, x)
    a.gamma = per("batch_norm_inference_forward", "gamma", gamma, x, c); a.beta = per("batch_norm_inference_forward", "beta", beta, x, c)
    a.mean = per("batch_norm_inference_forward", "mean", mean, x, c)
    a.variance = per("batch_norm_inference_forward", "variance", variance, x, c)
    a.epsilon = epsilon; a.rows = x.size // c if c else 0; a.c = c; a.relu = relu
    launch(BATCH_NORM_INFERENCE_FORWARD, x, &a, sizeof(a), y, 3 * x.size, 2 * x.nbytes)


def batch_norm_inference_backward(Array dy not None, Array x not None, Array gamma, Array beta, Array mean not None, Array variance not None,
                                  double epsilon, bint relu, Array dx, Array dgamma, Array dbeta):
    """Gradients of a normalisation by given statistics, which are constants."""
    cdef pydl_batch_norm_inference_backward_args_f32 a
    cdef isize c = channels("batch_norm_inference_backward", x)
    a.scratch = NULL
    a.x = <const float *>ptr(x); a.dy = like("batch_norm_inference_backward", dy, x)
    a.gamma = per("batch_norm_inference_backward", "gamma", gamma, x, c); a.beta = per("batch_norm_inference_backward", "beta", beta, x, c)
    a.mean = per("batch_norm_inference_backward", "mean", mean, x, c)
    a.variance = per("batch_norm_inference_backward", "variance", variance, x, c)
    a.epsilon = epsilon; a.rows = x.size // c if c else 0; a.c = c; a.relu = relu
    a.dx = like("batch_norm_inference_backward", dx, x)
    a.dgamma = per("batch_norm_inference_backward", "dgamma", dgamma, x, c)
    a.dbeta = per("batch_norm_inference_backward", "dbeta", dbeta, x, c)
    launch(BATCH_NORM_INFERENCE_BACKWARD, x, &a, sizeof(a), dy if dx is None else dx, 6 * x.size, 3 * x.nbytes)


cdef isize rows_of(str who, Array x, isize c) except -1:
    if c < 1 or x.size % c:
        raise ValueError(f"{who}: {x.size} elements do not divide into rows of {c}")
    return x.size // c


def layer_norm_forward(Array x not None, Array gamma, Array beta, double epsilon, Py_ssize_t c, Array y not None,
                       Array mean not None, Array rstd not None):
    """Normalise every row of c elements by its own statistics; mean and rstd have one number a row."""
    cdef pydl_layer_norm_forward_args_f32 a
    cdef isize rows = rows_of("layer_norm_forward", x, c)
    a.x = <const float *>ptr(x); a.y = like("layer_norm_forward", y, x)
    a.gamma = per("layer_norm_forward", "gamma", gamma, x, c); a.beta = per("layer_norm_forward", "beta", beta, x, c)
    a.epsilon = epsilon; a.rows = rows; a.c = c
    a.mean = per("layer_norm_forward", "mean", mean, x, rows); a.rstd = per("layer_norm_forward", "rstd", rstd, x, rows)
    launch(LAYER_NORM_FORWARD, x, &a, sizeof(a), y, 8 * x.size, 2 * x.nbytes)


def layer_norm_backward(Array dy not None, Array x not None, Array gamma, Array mean not None, Array rstd not None, Py_ssize_t c,
                        Array dx, Array dgamma, Array dbeta):
    """Gradients of layer_norm_forward."""
    cdef pydl_layer_norm_backward_args_f32 a
    cdef isize rows = rows_of("layer_norm_backward", x, c)
    a.scratch = NULL
    a.x = <const float *>ptr(x); a.dy = like("layer_norm_backward", dy, x)
    a.gamma = per("layer_norm_backward", "gamma", gamma, x, c)
    a.mean = per("layer_norm_backward", "mean", mean, x, rows); a.rstd = per("layer_norm_backward", "rstd", rstd, x, rows)
    a.rows = rows; a.c = c
    a.dx = like("layer_norm_backward", dx, x)
    a.dgamma = per("layer_norm_backward", "dgamma", dgamma, x, c); a.dbeta = per("layer_norm_backward", "dbeta", dbeta, x, c)
    launch(LAYER_NORM_BACKWARD, x, &a, sizeof(a), dy if dx is None else dx, 12 * x.size, 3 * x.nbytes)
