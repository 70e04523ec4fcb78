"""What every boundary shares: Array, arena, launcher, recording, checks."""

ctypedef Py_ssize_t isize

cdef extern from "pydl.h" nogil:
    ctypedef struct pydl_blas:
        void *sgemm
        void *dgemm
    ctypedef struct pydl_fault:
        isize where
        isize value
        isize limit
    ctypedef struct pydl_ctx:
        int threads
        const pydl_blas *blas
        pydl_fault *fault
        void *crew
    ctypedef int (*pydl_kernel)(const pydl_ctx *ctx, const void *args) noexcept nogil
    ctypedef isize (*pydl_scratch)(const pydl_ctx *ctx, const void *args) noexcept nogil
    ctypedef struct pydl_kernel_row:
        const char *name
        const char *family
        pydl_kernel run[3][2]
        pydl_scratch scratch[3][2]
    const pydl_kernel_row pydl_kernel_table[]
    const isize pydl_kernel_count

cdef extern from "program.h" nogil:
    ctypedef struct pydl_call:
        pydl_kernel run
        const void *args
    ctypedef struct pydl_program:
        const pydl_call *calls
        isize n

# dtype codes: the two reals first, so that a code below 2 is the index of the kernel's real type
cdef enum DType:
    FLOAT32 = 0
    FLOAT64 = 1
    INT32 = 2
    INT64 = 3
    UINT8 = 4
    BOOL = 5
    UINT64 = 6

cdef enum:
    MAX_DIMS = 8

cdef struct Span:
    isize start
    isize size

cdef class Arena:
    cdef char *base
    cdef isize reserved, committed
    cdef readonly isize top, peak, in_use, requested
    cdef readonly long generation
    cdef Span *spans
    cdef isize n_spans, span_capacity
    cdef isize take(self, isize nbytes) except -1
    cdef int give_back(self, isize start, isize size) except -1
    cdef int commit(self, isize end) except -1

cdef class Array:
    cdef void *data
    cdef readonly tuple shape
    cdef readonly isize size, nbytes
    cdef readonly int code, ndim
    cdef Arena arena
    cdef isize block_start, block_size      # what this array gives back to the arena; size 0: a view of `owner`
    cdef long generation
    cdef readonly object owner              # what keeps the memory alive when this array does not hold the block itself
    cdef readonly bint weight               # a Parameter's memory: what is made of it is kept until it changes
    cdef readonly long changes              # how often it has changed since, as far as weights are counted
    cdef readonly int views                 # NumPy views of it that are alive: they may write at any time
    cdef dict prepared                      # key -> Prepared
    cdef isize shape_and_strides[16]        # for the buffer protocol

cdef class Prepared:
    cdef readonly Array array
    cdef void *owner                        # the weight whose dict holds this
    cdef tuple sources                      # other arrays it was made of
    cdef list seen                          # their `changes` when it was made, the weight's first
    cdef const pydl_kernel_row *row
    cdef int real_type, level
    cdef bytes arguments
    cdef bint fresh(self)
    cdef int make(self) except -1

cdef class Recording:
    cdef readonly Arena arena
    cdef pydl_call *calls
    cdef isize *offsets                     # of each call's arguments in args
    cdef readonly isize n
    cdef isize capacity
    cdef char *args
    cdef isize args_used, args_capacity
    cdef readonly list labels               # (kernel name, shape of the output, FLOPs, bytes) a call
    cdef readonly list kept, constants, written, prepared
    cdef Recording previous
    cdef readonly int threads               # the most a replay may use
    cdef readonly object spoilt
    cdef readonly bint pure                 # changes nothing but its results: no array outside the arena, no stream of random numbers
    cdef void *outer
    cdef Array constant(self, tuple shape, int code, const void *content)
    cdef int append(self, const pydl_kernel_row *row, pydl_kernel run, const void *args, isize nbytes, Array out,
                    double flops, double moved) except -1

cdef const pydl_kernel_row *kernel(str name) except NULL
cdef void *ptr(Array a) except NULL
cdef int agree(str who, Array a, Array b) except -1
cdef int expect(str who, str name, Array a, int code, tuple shape) except -1
cdef int index_size(str who, str name, Array a) except -1
cdef int launch(const pydl_kernel_row *row, Array typed, void *args, isize nbytes, Array out,
                double flops, double moved) except -1
cdef Array root_of(Array a)
cdef int changed(Array a) except -1
cdef int aside(const pydl_kernel_row *row, Array typed, void *args) except -1
cdef Prepared prepare(Array weight, object key, const pydl_kernel_row *row, void *args, isize nbytes, isize size, isize where, tuple sources)
cpdef Array empty(shape, dtype=*)
cpdef Array owned(shape, dtype=*)
