"""Boundary of the matrix product."""
from libc.string cimport memset

from pydl.kernels._common cimport Array, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "gemm.h":
    enum: GEMM_BATCH_DIMS, GEMM_LINEAR, GEMM_RELU
    ctypedef struct pydl_gemm_args_f32:
        void *scratch
        isize m, n, k
        const float *a
        isize a_row, a_col
        const float *b
        isize b_row, b_col
        const float *bias
        isize b_packed, accumulate, activation
        float *c
        isize c_row
    ctypedef struct pydl_matmul_args_f32:
        void *scratch
        isize m, n, k
        const float *a
        isize a_row, a_col
        const float *b
        isize b_row, b_col
        isize batch_ndim
        isize *shape
        isize *a_step
        isize *b_step
        isize *c_step
        float *c

cdef const pydl_kernel_row *GEMM = kernel("gemm")
cdef const pydl_kernel_row *MATMUL = kernel("matmul")


def gemm(Array a not None, Array b not None, Array bias, Array c not None, bint transpose_a=False, bint transpose_b=False,
         bint accumulate=False, bint relu=False):
    """c = (accumulate ? c : 0) + a b + bias, then relu; a or b transposed if asked for.  bias may be None."""
    cdef pydl_gemm_args_f32 g
    if a.ndim != 2 or b.ndim != 2 or c.ndim != 2:
        raise ValueError(f"gemm: matrices expected, got shapes {a.shape}, {b.shape}, {c.shape}")
    memset(&g, 0, sizeof(g))
    g.m = a.shape[transpose_a]; g.k = a.shape[not transpose_a]; g.n = b.shape[not transpose_b]
    expect("gemm", "b", b, a.code, (g.n, g.k) if transpose_b else (g.k, g.n))
    expect("gemm", "c", c, a.code, (g.m, g.n))
    if bias is not None:
        expect("gemm", "bias", bias, a.code, (g.n,))
        g.bias = <const float *>ptr(bias)
    g.a = <const float *>ptr(a); g.b = <const float *>ptr(b); g.c = <float *>ptr(c); g.c_row = g.n
    g.a_row = 1 if transpose_a else g.k; g.a_col = g.m if transpose_a else 1
    g.b_row = 1 if transpose_b else g.n; g.b_col = g.k if transpose_b else 1
    g.accumulate = accumulate; g.activation = GEMM_RELU if relu else GEMM_LINEAR
    launch(GEMM, a, &g, sizeof(g), c, 2.0 * g.m * g.n * g.k, a.nbytes + b.nbytes + c.nbytes)


def matmul(Array a not None, Array b not None, Array c not None, bint transpose_a=False, bint transpose_b=False):
    """c = a b for stacks of matrices.  The axes before the last two broadcast; where c has size 1 the products are added up."""
    cdef pydl_matmul_args_f32 g
    cdef isize d, axis, size, a_step, b_step, c_step, count = 1
    cdef isize ndim = max(a.ndim, b.ndim, c.ndim)
    if a.ndim < 2 or b.ndim < 2 or c.ndim < 2 or ndim - 2 > GEMM_BATCH_DIMS:
        raise ValueError(f"matmul: arrays of 2 to {2 + GEMM_BATCH_DIMS} axes expected, got shapes {a.shape}, {b.shape}, {c.shape}")
    memset(&g, 0, sizeof(g))
    g.m = a.shape[a.ndim - 2 + transpose_a]; g.k = a.shape[a.ndim - 1 - transpose_a]; g.n = b.shape[b.ndim - 1 - transpose_b]
    expect("matmul", "b", b, a.code, b.shape[:b.ndim - 2] + ((g.n, g.k) if transpose_b else (g.k, g.n)))
    expect("matmul", "c", c, a.code, c.shape[:c.ndim - 2] + (g.m, g.n))
    a_step = g.m * g.k; b_step = g.k * g.n; c_step = g.m * g.n
    g.batch_ndim = ndim - 2
    for d in range(ndim - 3, -1, -1):                           # innermost axis first: steps grow
        size = 1
        for x in (a, b, c):
            axis = d - (ndim - x.ndim)
            if axis >= 0 and x.shape[axis] != 1:
                if size != 1 and size != x.shape[axis]:
                    raise ValueError(f"matmul: shapes {a.shape}, {b.shape}, {c.shape} do not go together")
                size = x.shape[axis]
        g.shape[d] = size
        count *= size
        axis = d - (ndim - a.ndim)
        if axis >= 0:
            g.a_step[d] = 0 if a.shape[axis] == 1 else a_step
            a_step *= a.shape[axis]
        axis = d - (ndim - b.ndim)
        if axis >= 0:
            g.b_step[d] = 0 if b.shape[axis] == 1 else b_step
            b_step *= b.shape[axis]
        axis = d - (ndim - c.ndim)
        if axis >= 0:
            g.c_step[d] = 0 if c.shape[axis] == 1 else c_step
            c_step *= c.shape[axis]
    if count == 0 and c.size:
        raise ValueError(f"matmul: an empty sum into c of shape {c.shape}; fill it with zeros instead")
    g.a = <const float *>ptr(a); g.b = <const float *>ptr(b); g.c = <float *>ptr(c)
    g.a_row = 1 if transpose_a else g.k; g.a_col = g.m if transpose_a else 1
    g.b_row = 1 if transpose_b else g.n; g.b_col = g.k if transpose_b else 1
    launch(MATMUL, a, &g, sizeof(g), c, 2.0 * count * g.m * g.n * g.k, a.nbytes + b.nbytes + c.nbytes)
