"""Boundary of the copies, casts and row look-ups."""
from libc.string cimport memcpy, memset

from pydl.kernels._common cimport BOOL, FLOAT32, FLOAT64, INT32, INT64, UINT8, UINT64, Array, expect, index_size, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "move.h":
    enum: PYDL_MOVE_DIMS
    ctypedef unsigned long long uint64_t
    ctypedef struct pydl_strided_copy_args:
        const void *x
        isize itemsize
        isize ndim
        isize *shape
        isize *x_stride
        isize *y_stride
        void *y
    ctypedef struct pydl_fill_args:
        uint64_t value
        isize itemsize
        isize n
        void *y
    ctypedef struct pydl_cast_args:
        const void *x
        isize x_type
        isize y_type
        isize n
        void *y
    ctypedef struct pydl_take_rows_args:
        const void *x
        isize rows
        isize row_bytes
        const void *index
        isize index_size
        isize n
        void *y
    ctypedef struct pydl_scatter_rows_args_f32:
        const float *dy
        const void *index
        isize index_size
        isize n
        isize rows
        isize width
        float *dx
    ctypedef struct pydl_sum_rows_args_f32:
        void *scratch
        const float *dy
        const void *index
        isize index_size
        isize n
        isize limit
        isize width
        void *rows
        void *count
        float *sums
    ctypedef struct pydl_one_hot_args_f32:
        const void *index
        isize index_size
        isize n
        isize classes
        float *y

cdef const pydl_kernel_row *CAST = kernel("cast")
cdef const pydl_kernel_row *FILL = kernel("fill")
cdef const pydl_kernel_row *ONE_HOT = kernel("one_hot")
cdef const pydl_kernel_row *SCATTER_ROWS = kernel("scatter_rows")
cdef const pydl_kernel_row *SUM_ROWS = kernel("sum_rows")
cdef const pydl_kernel_row *STRIDED_COPY = kernel("strided_copy")
cdef const pydl_kernel_row *TAKE_ROWS = kernel("take_rows")

cdef isize[7] ITEM_SIZES = [4, 8, 4, 8, 1, 1, 8]


cdef int stays_inside(str name, Array array, offset, tuple strides, tuple shape) except -1:
    """Every position offset + index . strides lies in the array.  In Python integers: nothing can overflow."""
    low = high = offset
    for size, stride in zip(shape, strides):
        if stride < 0:
            low += (size - 1) * stride
        else:
            high += (size - 1) * stride
    if low < 0 or high >= array.size:
        raise ValueError(f"strided_copy: {name} has {array.size} elements, the view reaches from {low} to {high}")
    return 0


def strided_copy(Array x not None, x_offset, tuple x_strides not None, Array y not None, y_offset, tuple y_strides not None, tuple shape not None):
    """y[y_offset + i . y_strides] = x[x_offset + i . x_strides] for every index i of shape; strides in elements."""
    cdef pydl_strided_copy_args a
    cdef isize n, k, count = 1
    if x.code != y.code:
        raise TypeError(f"strided_copy: dtypes differ, {x.dtype.name} and {y.dtype.name}")
    if not len(x_strides) == len(y_strides) == len(shape):
        raise ValueError(f"strided_copy: {len(shape)} sizes, but {len(x_strides)} and {len(y_strides)} strides")
    if any([size < 0 for size in shape]):
        raise ValueError(f"strided_copy: sizes must not be negative, got {shape}")
    if 0 in shape:
        return
    stays_inside("x", x, x_offset, x_strides, shape)
    stays_inside("y", y, y_offset, y_strides, shape)
    memset(&a, 0, sizeof(a))
    for k in range(len(shape)):                                  # sizes of 1 are dropped, neighbours with even steps become one
        n = shape[k]
        if n == 1:
            continue
        if y_strides[k] == 0:
            raise ValueError("strided_copy: an element of y would be written twice")
        if a.ndim and a.x_stride[a.ndim - 1] == n * <isize>x_strides[k] and a.y_stride[a.ndim - 1] == n * <isize>y_strides[k]:
            a.ndim -= 1
            a.shape[a.ndim] *= n
        elif a.ndim == PYDL_MOVE_DIMS:
            raise ValueError(f"strided_copy: more than {PYDL_MOVE_DIMS} axes")
        else:
            a.shape[a.ndim] = n
        a.x_stride[a.ndim] = x_strides[k]
        a.y_stride[a.ndim] = y_strides[k]
        a.ndim += 1
        count *= n
    if a.ndim == 0:
        a.ndim = a.shape[0] = a.x_stride[0] = a.y_stride[0] = 1
    a.itemsize = ITEM_SIZES[x.code]
    a.x = <const char *>ptr(x) + <isize>x_offset * a.itemsize
    a.y = <char *>ptr(y) + <isize>y_offset * a.itemsize
    launch(STRIDED_COPY, None, &a, sizeof(a), y, 0, 2 * count * a.itemsize)


def fill(Array y not None, value):
    """y = value everywhere."""
    cdef pydl_fill_args a
    cdef float f
    cdef double d
    cdef int i
    cdef long long q
    a.value = 0
    if y.code == FLOAT32:
        f = value; memcpy(&a.value, &f, sizeof(f))
    elif y.code == FLOAT64:
        d = value; memcpy(&a.value, &d, sizeof(d))
    elif y.code == INT32:
        i = value; memcpy(&a.value, &i, sizeof(i))
    elif y.code == INT64:
        q = value; memcpy(&a.value, &q, sizeof(q))
    elif y.code == UINT8:
        a.value = <unsigned char>value
    elif y.code == BOOL:
        a.value = 1 if value else 0
    else:
        a.value = value
    a.itemsize = ITEM_SIZES[y.code]; a.n = y.size; a.y = ptr(y)
    launch(FILL, None, &a, sizeof(a), y, 0, y.nbytes)


def cast(Array x not None, Array y not None):
    """y = x as y's dtype."""
    cdef pydl_cast_args a
    if x.size != y.size:
        raise ValueError(f"cast: sizes differ, shapes {x.shape} and {y.shape}")
    if x.code == UINT64 or y.code == UINT64:
        raise TypeError("cast: uint64 holds seeds and is not cast")
    a.x = ptr(x); a.x_type = x.code; a.y_type = y.code; a.n = x.size; a.y = ptr(y)
    launch(CAST, None, &a, sizeof(a), y, 0, x.nbytes + y.nbytes)


def take_rows(Array x not None, Array index not None, Array y not None):
    """y[i] = x[index[i]] along the first axis of x."""
    cdef pydl_take_rows_args a
    a.index_size = index_size("take_rows", "index", index)
    if x.code != y.code:
        raise TypeError(f"take_rows: dtypes differ, {x.dtype.name} and {y.dtype.name}")
    if x.ndim == 0:
        raise ValueError("take_rows: x must have at least one axis")
    a.rows = x.shape[0]; a.n = index.size
    a.row_bytes = x.nbytes // a.rows if a.rows else (y.nbytes // a.n if a.n else 0)
    if y.nbytes != a.n * a.row_bytes:
        raise ValueError(f"take_rows: {a.n} rows of x {x.shape} do not fit y {y.shape}")
    a.x = ptr(x); a.index = ptr(index); a.y = ptr(y)
    launch(TAKE_ROWS, None, &a, sizeof(a), y, 0, 2 * y.nbytes + index.nbytes)


def scatter_rows(Array dy not None, Array index not None, Array dx not None):
    """dx = 0, then dx[index[i]] += dy[i] along the first axis of dx."""
    cdef pydl_scatter_rows_args_f32 a
    a.index_size = index_size("scatter_rows", "index", index)
    if dy.code != dx.code:
        raise TypeError(f"scatter_rows: dtypes differ, {dy.dtype.name} and {dx.dtype.name}")
    if dx.ndim == 0:
        raise ValueError("scatter_rows: dx must have at least one axis")
    a.rows = dx.shape[0]; a.n = index.size
    a.width = dx.size // a.rows if a.rows else (dy.size // a.n if a.n else 0)
    if dy.size != a.n * a.width:
        raise ValueError(f"scatter_rows: dy {dy.shape} does not hold {a.n} rows of dx {dx.shape}")
    a.dy = <const float *>ptr(dy); a.index = ptr(index); a.dx = <float *>ptr(dx)
    launch(SCATTER_ROWS, dy, &a, sizeof(a), dx, dy.size, 2 * dy.nbytes + dx.nbytes)


def sum_rows(Array dy not None, Array index not None, isize limit, Array rows not None, Array count not None, Array sums not None):
    """The distinct indices in rising order in rows, how many in count, and the sum of dy over each in sums."""
    cdef pydl_sum_rows_args_f32 a
    memset(&a, 0, sizeof(a))
    a.n = index.size; a.limit = limit
    if dy.ndim == 0 or a.n and dy.size % a.n:
        raise ValueError(f"sum_rows: dy {dy.shape} does not hold a row for each of {a.n} indices")
    a.width = dy.size // a.n if a.n else sums.shape[sums.ndim - 1]
    expect("sum_rows", "sums", sums, dy.code, (a.n, a.width))
    expect("sum_rows", "rows", rows, INT64, (a.n,))
    expect("sum_rows", "count", count, INT64, (1,))
    a.dy = <const float *>ptr(dy); a.index = ptr(index)
    a.index_size = index_size("sum_rows", "index", index)
    a.rows = ptr(rows); a.count = ptr(count); a.sums = <float *>ptr(sums)
    launch(SUM_ROWS, dy, &a, sizeof(a), sums, dy.size, 2 * dy.nbytes + 3 * index.nbytes)


def one_hot(Array index not None, Array y not None):
    """y[i, k] = 1 where index[i] is k, else 0."""
    cdef pydl_one_hot_args_f32 a
    a.index_size = index_size("one_hot", "index", index)
    if y.ndim == 0 or y.size != index.size * <isize>y.shape[y.ndim - 1]:
        raise ValueError(f"one_hot: {index.size} rows do not fit y {y.shape}")
    a.index = ptr(index); a.n = index.size; a.classes = y.shape[y.ndim - 1]; a.y = <float *>ptr(y)
    launch(ONE_HOT, y, &a, sizeof(a), y, 0, y.nbytes)
