"""Boundary of the kernels that make batches."""
from pydl.kernels._common cimport Array, INT64, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "batch.h":
    ctypedef struct pydl_gather_rows_args:
        const void *src
        const void *index
        isize src_rows
        isize row_bytes
        isize n
        void *dst
    ctypedef struct pydl_gather_convert_args_f32:
        const void *src
        isize src_code
        const void *index
        isize src_rows
        isize row
        isize n
        double scale
        double shift
        float *dst

cdef const pydl_kernel_row *GATHER_ROWS = kernel("gather_rows")
cdef const pydl_kernel_row *GATHER_CONVERT = kernel("gather_convert")


cdef isize check_rows(str who, Array src, Array index, Array dst) except -1:
    """dst has one row for each index, of the shape of src's rows; returns the elements of a row."""
    if src.ndim == 0:
        raise ValueError(f"{who}: src must have rows, got shape {src.shape}")
    if index.ndim != 1:
        raise ValueError(f"{who}: index must be flat, got shape {index.shape}")
    expect(who, "index", index, INT64, index.shape)
    expect(who, "dst", dst, dst.code, (index.size,) + src.shape[1:])
    return src.size // src.shape[0] if src.shape[0] else 0


def gather_rows(Array src not None, Array index not None, Array dst not None):
    """dst[i] = src[index[i]].  index: int64; dst has src's dtype.  KernelError for an index that is no row."""
    cdef pydl_gather_rows_args a
    cdef isize row = check_rows("gather_rows", src, index, dst)
    expect("gather_rows", "dst", dst, src.code, dst.shape)
    a.src = ptr(src); a.index = ptr(index); a.src_rows = src.shape[0]; a.n = index.size; a.dst = ptr(dst)
    a.row_bytes = src.nbytes // src.size * row if src.size else 0
    launch(GATHER_ROWS, None, &a, sizeof(a), dst, 0, 2 * dst.nbytes)


def gather_convert(Array src not None, Array index not None, double scale, double shift, Array dst not None):
    """dst[i] = src[index[i]] * scale + shift, from any dtype to float32 or float64."""
    cdef pydl_gather_convert_args_f32 a
    a.row = check_rows("gather_convert", src, index, dst)
    a.src = ptr(src); a.src_code = src.code; a.index = ptr(index); a.src_rows = src.shape[0]; a.n = index.size
    a.scale = scale; a.shift = shift; a.dst = <float *>ptr(dst)
    launch(GATHER_CONVERT, dst, &a, sizeof(a), dst, 2 * dst.size, 2 * dst.nbytes)
