# The memory of arrays: arenas, and Array itself.  Included by _common.pyx.

cdef extern from *:
    """
    #include <sys/mman.h>
    #include <stdlib.h>

    #ifndef MAP_NORESERVE
    #define MAP_NORESERVE 0
    #endif

    /* Address space without memory behind it: NULL when the system refuses. */
    static void *pydl_reserve(Py_ssize_t bytes)
    {
        void *p = mmap(NULL, (size_t)bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        return p == MAP_FAILED ? NULL : p;
    }
    static int pydl_commit(char *base, Py_ssize_t bytes, int huge)
    {
        if (mprotect(base, (size_t)bytes, PROT_READ | PROT_WRITE) != 0) return -1;
    #ifdef MADV_HUGEPAGE
        if (huge) madvise(base, (size_t)bytes, MADV_HUGEPAGE);
    #endif
        return 0;
    }
    static void pydl_decommit(char *base, Py_ssize_t bytes)
    {
        madvise(base, (size_t)bytes, MADV_DONTNEED);
        mprotect(base, (size_t)bytes, PROT_NONE);
    }
    static void pydl_unreserve(char *base, Py_ssize_t bytes) { munmap(base, (size_t)bytes); }

    /* Large blocks in huge pages where the system has them: weights are read from end to end, a new page every microsecond otherwise. */
    static void *pydl_aligned(Py_ssize_t bytes)
    {
        const Py_ssize_t huge = 2 << 20, whole = bytes < huge / 4 * 3 ? bytes : (bytes + huge - 1) / huge * huge;
        void *p = NULL;
        if (posix_memalign(&p, whole > bytes || bytes % huge == 0 ? (size_t)huge : 64, (size_t)whole) != 0) return NULL;
    #ifdef MADV_HUGEPAGE
        if (whole >= huge) madvise(p, (size_t)whole, MADV_HUGEPAGE);
    #endif
        return p;
    }

    /* Under the address sanitizer an arena's free memory, and the gap behind each block, may not be touched. */
    #ifdef __SANITIZE_ADDRESS__
    #include <sanitizer/asan_interface.h>
    enum { PYDL_GAP = 64 };
    static void pydl_forbid(char *base, Py_ssize_t bytes) { __asan_poison_memory_region(base, (size_t)bytes); }
    static void pydl_allow(char *base, Py_ssize_t bytes) { __asan_unpoison_memory_region(base, (size_t)bytes); }
    #else
    enum { PYDL_GAP = 0 };
    static void pydl_forbid(char *base, Py_ssize_t bytes) { (void)base; (void)bytes; }
    static void pydl_allow(char *base, Py_ssize_t bytes) { (void)base; (void)bytes; }
    #endif
    """
    const int PYDL_GAP
    void pydl_forbid(char *base, isize bytes) nogil
    void pydl_allow(char *base, isize bytes) nogil
    void *pydl_reserve(isize bytes) nogil
    int pydl_commit(char *base, isize bytes, int huge) nogil
    void pydl_decommit(char *base, isize bytes) nogil
    void pydl_unreserve(char *base, isize bytes) nogil
    void *pydl_aligned(isize bytes) nogil

cdef isize block_size(isize nbytes):
    """What an array of so many bytes takes of an arena: whole cache lines, at least one."""
    return max((nbytes + 63) // 64 * 64, 64) + PYDL_GAP


# ---------------------------------------------------------------------------------------------------- dtypes

cdef list DTYPES = [np.dtype(t) for t in ("float32", "float64", "int32", "int64", "uint8", "bool", "uint64")]
cdef dict CODES = {d: i for i, d in enumerate(DTYPES)}
cdef isize[7] ITEM_SIZES = [4, 8, 4, 8, 1, 1, 8]
cdef (char *)[7] FORMATS = [b"f", b"d", b"i", b"q", b"B", b"?", b"Q"]
CODES.update({d.name: i for d, i in list(CODES.items())})
CODES.update({d.type: i for d, i in list(CODES.items()) if isinstance(d, np.dtype)})
CODES[float] = 1

cdef int dtype_code(dtype) except -1:
    if type(dtype) is int:                  # already a code
        if 0 <= dtype <= UINT64:
            return dtype
        raise TypeError(f"dtype: {dtype} is not a dtype code")
    code = CODES.get(dtype)
    if code is None:
        try:
            code = CODES.get(np.dtype(dtype))
        except TypeError:
            code = None
        if code is None:
            raise TypeError(f"dtype: expected one of {', '.join(d.name for d in DTYPES)}, got {dtype!r}")
    return code


# ---------------------------------------------------------------------------------------------------- arena

cdef isize ALIGN = 64
cdef isize HUGE = 2 << 20
cdef isize KEEP_COMMITTED = 256 << 20       # what the eager arena keeps of memory no array uses

cdef isize physical_memory():
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return <isize>16 << 30

cdef isize PHYSICAL = physical_memory()

def physical_memory_bytes():
    return PHYSICAL


cdef class Arena:
    """One stretch of address space; blocks are handed out best fit, from below, and joined again when given back.

    The same sequence of requests gets the same addresses after `reset()`: that is what makes two recordings of a
    step comparable byte by byte.  Memory is committed as the arena grows, with huge pages where the system has them.
    """

    def __cinit__(self):
        cdef isize size = (2 * PHYSICAL + HUGE - 1) // HUGE * HUGE
        self.base = <char *>pydl_reserve(size)
        if self.base == NULL:               # address space is limited (ulimit -v): free what only cycles hold, take an eighth of what is left
            gc.collect()
            while size >= 16 * HUGE:
                self.base = <char *>pydl_reserve(size)
                if self.base != NULL:
                    pydl_unreserve(self.base, size)
                    size = max(size // 8 // HUGE * HUGE, 16 * HUGE)
                    self.base = <char *>pydl_reserve(size)
                    break
                size = size // 2 // HUGE * HUGE
        self.reserved = size
        if self.base == NULL:
            raise MemoryError("pydl: the system refuses address space for an arena")

    def __dealloc__(self):
        if self.base != NULL:
            pydl_allow(self.base, self.committed)
            pydl_unreserve(self.base, self.reserved)
        free(self.spans)

    def reset(self):
        """Forget every block.  Arrays of before become stale: reading them raises, their memory stays mapped."""
        self.generation += 1
        pydl_forbid(self.base, self.committed)
        self.top = self.in_use = self.requested = self.n_spans = 0

    cdef int commit(self, isize end) except -1:
        cdef isize until = (end + HUGE - 1) // HUGE * HUGE
        if end > self.reserved:
            raise MemoryError(f"pydl: no memory for arrays of {end} bytes in all")
        if pydl_commit(self.base + self.committed, until - self.committed, until > 4 * HUGE) != 0:
            raise MemoryError(f"pydl: the system refuses {until - self.committed} bytes more")
        self.committed = until
        return 0

    cdef isize take(self, isize nbytes) except -1:
        """Start of a block of at least nbytes, aligned to a cache line."""
        cdef isize i, best = -1, start, wanted
        if nbytes > self.reserved:
            raise MemoryError(f"pydl: no memory for an array of {nbytes} bytes")
        wanted, nbytes = nbytes, block_size(nbytes)
        for i in range(self.n_spans):
            if self.spans[i].size >= nbytes and (best < 0 or self.spans[i].size < self.spans[best].size):
                best = i
                if self.spans[i].size == nbytes:
                    break
        if best >= 0:
            start = self.spans[best].start
            self.spans[best].start += nbytes
            self.spans[best].size -= nbytes
            if self.spans[best].size == 0:
                self.n_spans -= 1
                for i in range(best, self.n_spans):
                    self.spans[i] = self.spans[i + 1]
        else:
            start = self.top
            if start + nbytes > self.committed:
                self.commit(start + nbytes)
            self.top = start + nbytes
            self.peak = max(self.peak, self.top)
        self.in_use += nbytes
        self.requested += nbytes
        pydl_forbid(self.base + start, nbytes)
        pydl_allow(self.base + start, wanted)
        return start

    cdef int give_back(self, isize start, isize size) except -1:
        cdef isize i, low = 0, high = self.n_spans
        cdef Span *grown
        self.in_use -= size
        pydl_forbid(self.base + start, size)
        while low < high:                   # the first free span behind the block
            i = (low + high) // 2
            if self.spans[i].start < start:
                low = i + 1
            else:
                high = i
        if low > 0 and self.spans[low - 1].start + self.spans[low - 1].size == start:
            self.spans[low - 1].size += size
            if low < self.n_spans and start + size == self.spans[low].start:
                self.spans[low - 1].size += self.spans[low].size
                self.n_spans -= 1
                for i in range(low, self.n_spans):
                    self.spans[i] = self.spans[i + 1]
        elif low < self.n_spans and start + size == self.spans[low].start:
            self.spans[low].start = start
            self.spans[low].size += size
        else:
            if self.n_spans == self.span_capacity:
                grown = <Span *>realloc(self.spans, (2 * self.span_capacity + 64) * sizeof(Span))
                if grown == NULL:
                    return 0                # the block is lost to the arena until the next reset; nothing else is
                self.spans = grown
                self.span_capacity = 2 * self.span_capacity + 64
            for i in range(self.n_spans, low, -1):
                self.spans[i] = self.spans[i - 1]
            self.spans[low].start = start
            self.spans[low].size = size
            self.n_spans += 1
        i = self.n_spans - 1
        if self.spans[i].start + self.spans[i].size == self.top:
            self.top = self.spans[i].start
            self.n_spans = i
            if self is eager_arena and self.committed - self.top > KEEP_COMMITTED:
                i = (self.top + HUGE - 1) // HUGE * HUGE
                pydl_decommit(self.base + i, self.committed - i)
                self.committed = i
        return 0


cdef Arena eager_arena = None
eager_arena = Arena()


# ---------------------------------------------------------------------------------------------------- Array

cdef isize checked_size(tuple shape) except -1:
    """Product of the dimensions, refused when negative or beyond what an address can hold."""
    cdef isize product = 1, d
    cdef bint empty_array = False
    if len(shape) > MAX_DIMS:
        raise ValueError(f"shape: at most {MAX_DIMS} dimensions, got {len(shape)}: {shape}")
    for n in shape:
        if n < 0:
            raise ValueError(f"shape: dimensions must not be negative, got {shape}")
        if n > (<isize>1 << 48):
            raise MemoryError(f"shape: {shape} is larger than any memory")
        d = n
        if d == 0:
            empty_array = True
        elif product > (<isize>1 << 48) // d:
            raise MemoryError(f"shape: {shape} is larger than any memory")
        else:
            product *= d
    return 0 if empty_array else product


cdef Array new_array(tuple shape, int code):
    """An Array without memory."""
    cdef Array a = Array.__new__(Array)
    cdef isize i, stride
    shape = tuple([int(n) for n in shape])
    a.shape = shape
    a.ndim = len(shape)
    a.code = code
    a.size = checked_size(shape)
    a.nbytes = a.size * ITEM_SIZES[code]
    stride = ITEM_SIZES[code]
    for i in range(a.ndim - 1, -1, -1):
        a.shape_and_strides[i] = shape[i]
        a.shape_and_strides[MAX_DIMS + i] = stride
        stride *= shape[i]
    return a


cdef class Array:
    """Contiguous memory with a shape and a dtype: what ops pass to kernels.  `np.asarray(array)` is a view of it."""

    def __dealloc__(self):
        if self.block_size and self.generation == self.arena.generation:
            self.arena.give_back(self.block_start, self.block_size)

    @property
    def dtype(self):
        return DTYPES[self.code]

    @property
    def stale(self):
        """Whether the memory has been taken back by a later recording of the step it came from."""
        return self.arena is not None and self.generation != self.arena.generation

    def reshape(self, shape):
        """The same memory under another shape of the same size."""
        cdef Array a = new_array(tuple(shape), self.code)
        if a.size != self.size:
            raise ValueError(f"reshape: {self.shape} has {self.size} elements, {a.shape} has {a.size}")
        ptr(self)
        a.data = self.data
        a.arena = self.arena
        a.generation = self.generation
        a.owner = self
        return a

    def rows(self, isize start, isize stop):
        """The rows start:stop of the first axis; the same memory."""
        if not self.ndim or not 0 <= start <= stop <= self.shape_and_strides[0]:
            raise ValueError(f"rows: {start}:{stop} of an array of shape {self.shape}")
        cdef Array a = new_array((stop - start, *self.shape[1:]), self.code)
        ptr(self)
        a.data = <char *>self.data + start * self.shape_and_strides[MAX_DIMS]
        a.arena = self.arena
        a.generation = self.generation
        a.owner = self
        return a

    def numpy(self):
        """A NumPy view; no copy."""
        return np.asarray(self)

    def item(self):
        """The value of an array of one element, as a Python number."""
        if self.size != 1:
            raise ValueError(f"item: the array has {self.size} elements, expected one")
        return np.asarray(self).item()

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of an array without dimensions")
        return self.shape[0]

    def __reduce__(self):
        return _copied, (np.array(self), self.weight)

    def __repr__(self):
        return f"Array(shape={self.shape}, dtype={self.dtype.name})"

    def __array__(self, dtype=None, copy=None):
        # NumPy takes the buffer; it comes here where that raised, which it would pass over in silence
        return np.array(memoryview(self), dtype=dtype, copy=copy)

    def __dlpack__(self, **options):
        return np.asarray(self).__dlpack__(**options)

    def __dlpack_device__(self):
        return (1, 0)

    def __getbuffer__(self, Py_buffer *view, int flags):
        cdef Array root = root_of(self)
        ptr(self)
        spoil("NumPy read an array")
        view.buf = self.data
        view.obj = self
        view.len = self.nbytes
        view.itemsize = ITEM_SIZES[self.code]
        view.readonly = 0
        view.ndim = self.ndim
        view.format = FORMATS[self.code] if flags & PyBUF_FORMAT else NULL
        view.shape = self.shape_and_strides
        view.strides = self.shape_and_strides + MAX_DIMS
        view.suboffsets = NULL
        view.internal = NULL
        root.views += 1

    def __releasebuffer__(self, Py_buffer *view):
        cdef Array root = root_of(self)
        root.views -= 1
        root.changes += 1                   # who held the view may have written


cdef Array root_of(Array a):
    """The array whose memory a view is of."""
    while isinstance(a.owner, Array):
        a = a.owner
    return a


cpdef Array empty(shape, dtype="float32"):
    """An Array of undefined content from the arena in use: the open recording's, else the eager one."""
    cdef Array a = new_array(tuple(shape), dtype_code(dtype))
    cdef Arena arena = eager_arena
    if pydl_open_recording != NULL:
        arena = (<Recording>pydl_open_recording).arena
    a.block_start = arena.take(a.nbytes)
    a.block_size = block_size(a.nbytes)
    a.arena = arena
    a.generation = arena.generation
    a.data = arena.base + a.block_start
    return a


cdef class Memory:
    """A block outside every arena: parameters, slots, accumulators, what a program owns."""
    cdef void *data

    def __dealloc__(self):
        free(self.data)


def weight(shape, dtype="float32"):
    """An owned Array whose changes are counted, so that what kernels make of it may be kept: the memory of a Parameter."""
    a = owned(shape, dtype)
    a.weight = True
    return a


cpdef Array owned(shape, dtype="float32"):
    """An Array of zeros outside every arena, for what outlives a step: parameters, optimizer slots, accumulators."""
    cdef Array a = new_array(tuple(shape), dtype_code(dtype))
    cdef Memory memory = Memory()
    cdef isize bytes = max((a.nbytes + ALIGN - 1) // ALIGN * ALIGN, ALIGN)
    memory.data = pydl_aligned(bytes)
    if memory.data == NULL:
        raise MemoryError(f"pydl: no memory for an array of {a.nbytes} bytes")
    memset(memory.data, 0, bytes)
    a.owner = memory
    a.data = memory.data
    return a


def _copied(values, is_weight):
    """A copy of an Array, by copy.deepcopy or pickle: outside every arena, whatever the first was."""
    a = weight(values.shape, values.dtype) if is_weight else owned(values.shape, values.dtype)
    assign(a, values)
    return a


def zeros(shape, dtype="float32"):
    """An Array of zeros.  While recording, the zeros are a constant of the program: copy before writing."""
    return from_numpy(np.zeros(shape, DTYPES[dtype_code(dtype)]))


def from_numpy(values, dtype=None):
    """Copy an array-like into a new Array.  While recording it becomes a constant, compared by content and owned by
    the program."""
    cdef Array a
    cdef Py_buffer raw
    values = np.asarray(values)
    wanted = values.dtype if dtype is None else DTYPES[dtype_code(dtype)]
    if wanted not in CODES:
        wanted = np.dtype("float32") if wanted.kind == "f" else np.dtype("int64") if wanted.kind in "iu" else wanted
    if wanted not in CODES or values.dtype.kind not in "fiub":
        raise TypeError(f"array: expected numbers, got dtype {values.dtype}")
    shape = values.shape
    PyObject_GetBuffer(np.ascontiguousarray(values, wanted).reshape(-1).view(np.uint8), &raw, PyBUF_SIMPLE)
    try:
        if pydl_open_recording != NULL:
            return (<Recording>pydl_open_recording).constant(shape, dtype_code(wanted), raw.buf)
        a = empty(shape, wanted)
        memcpy(a.data, raw.buf, a.nbytes)
        return a
    finally:
        PyBuffer_Release(&raw)


def borrowed(values):
    """An Array over the memory of a C-contiguous ndarray, which it keeps alive; for kernels to read from."""
    if not isinstance(values, np.ndarray) or not values.flags.c_contiguous or not values.flags.aligned or not values.dtype.isnative:
        raise TypeError("borrowed: expected a C-contiguous, aligned ndarray in native byte order")
    cdef Array a = new_array(values.shape, dtype_code(values.dtype))
    cdef size_t address = values.__array_interface__["data"][0]
    a.data = <void *>address
    a.owner = values
    return a


def assign(Array target not None, values):
    """Overwrite an array with values of the same shape, cast to its dtype."""
    cdef Py_buffer raw
    if type(values) is np.ndarray and values.dtype is DTYPES[target.code] and values.shape == target.shape and values.flags.c_contiguous \
            and pydl_open_recording == NULL:                            # the common case, 0.8 us less: a sample that goes into a step's input
        PyObject_GetBuffer(values, &raw, PyBUF_SIMPLE)
        memcpy(ptr(target), raw.buf, target.nbytes)
        PyBuffer_Release(&raw)
        changed(target)
        return
    values = np.asarray(values)
    if values.shape != target.shape:
        raise ValueError(f"assign: the array has shape {target.shape}, the values {values.shape}")
    np.copyto(np.asarray(target), values, casting="same_kind" if values.dtype.kind == "f" else "unsafe")
