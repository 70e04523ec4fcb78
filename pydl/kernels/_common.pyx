"""Array, arena, launcher and recording: the only road from Python to a kernel.

An `Array` is contiguous memory with a shape and a dtype.  It comes from an `Arena`, which hands a dead array's block
to the next one.  `launch` runs a kernel with the GIL released and, while a `Recording` is open in this thread, writes
the call down; two recordings of the same step that do not differ make a `Program`, which replays them in C.
"""
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.ref cimport Py_INCREF, Py_DECREF
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

import os
import sys
import threading

import numpy as np

cdef extern from *:
    """
    #include <sys/mman.h>
    #include <stdlib.h>
    #include <string.h>
    #include <dlfcn.h>
    #ifdef _OPENMP
    #include <omp.h>
    #endif

    #ifndef MAP_NORESERVE
    #define MAP_NORESERVE 0
    #endif

    static _Thread_local void *pydl_open_recording = NULL;

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

    static void *pydl_aligned(Py_ssize_t bytes)
    {
        void *p = NULL;
        return posix_memalign(&p, 64, (size_t)bytes) == 0 ? p : NULL;
    }

    /* The highest level this CPU can run and this build holds. */
    static int pydl_cpu_best(void)
    {
    #if defined(__x86_64__)
        __builtin_cpu_init();
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd")) return 2;
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
    #endif
        return 0;
    }

    /* libgomp hangs at the first parallel region after fork unless its threads were given up before. */
    static void pydl_pause_threads(void)
    {
    #ifdef _OPENMP
        omp_pause_resource_all(omp_pause_soft);
    #endif
    }

    /* Loads a BLAS for one thread.  OpenBLAS reads its variables in the library's constructor: they are set for the
       moment of loading only.  core: a kernel name, or NULL to leave the choice to the library and the user. */
    static const char *pydl_load_blas(const char *path, const char *prefix, const char *core, pydl_blas *blas)
    {
        char name[128];
        char *old_threads = getenv("OPENBLAS_NUM_THREADS"), *kept = old_threads ? strdup(old_threads) : NULL;
        setenv("OPENBLAS_NUM_THREADS", "1", 1);
        if (core) setenv("OPENBLAS_CORETYPE", core, 1);
        void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (core) unsetenv("OPENBLAS_CORETYPE");
        if (kept) { setenv("OPENBLAS_NUM_THREADS", kept, 1); free(kept); }
        else unsetenv("OPENBLAS_NUM_THREADS");
        if (!library) return dlerror();
        snprintf(name, sizeof name, "%sopenblas_set_num_threads", prefix);
        void (*set_threads)(int) = (void (*)(int))dlsym(library, name);
        if (set_threads) set_threads(1);
        snprintf(name, sizeof name, "%scblas_sgemm", prefix);
        void *sgemm = dlsym(library, name);
        snprintf(name, sizeof name, "%scblas_dgemm", prefix);
        void *dgemm = dlsym(library, name);
        if (!sgemm || !dgemm) return "the library has no cblas_sgemm and cblas_dgemm under the expected names";
        memcpy(&blas->sgemm, &sgemm, sizeof sgemm);
        memcpy(&blas->dgemm, &dgemm, sizeof dgemm);
        return NULL;
    }
    """
    void *pydl_open_recording
    void *pydl_reserve(isize bytes) nogil
    int pydl_commit(char *base, isize bytes, int huge) nogil
    void pydl_decommit(char *base, isize bytes) nogil
    void pydl_unreserve(char *base, isize bytes) nogil
    void *pydl_aligned(isize bytes) nogil
    int pydl_cpu_best() nogil
    void pydl_pause_threads() nogil
    const char *pydl_load_blas(const char *path, const char *prefix, const char *core, pydl_blas *blas)

cdef extern from "program.h" nogil:
    int pydl_program_run(const pydl_ctx *ctx, const pydl_program *program, isize *failed)
    int pydl_program_profile(const pydl_ctx *ctx, const pydl_program *program, double *seconds, isize *failed)


class KernelError(ValueError):
    """A kernel found a value it cannot work with: `kernel`, `where` (position), `value`, `limit` (0 <= value < limit)."""

    def __init__(self, kernel, where, value, limit):
        super().__init__(f"{kernel}: value {value} at position {where} is outside 0 <= value < {limit}")
        self.kernel, self.where, self.value, self.limit = kernel, where, value, limit


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


cdef class Arena:
    """One stretch of address space; blocks are handed out best fit, from below, and joined again when given back.

    The same sequence of requests gets the same addresses after `reset()`: that is what makes two recordings of a
    step comparable byte by byte.  Memory is committed as the arena grows, with huge pages where the system has them.
    """

    def __cinit__(self):
        cdef isize size = (2 * PHYSICAL + HUGE - 1) // HUGE * HUGE
        while size >= 16 * HUGE:
            self.base = <char *>pydl_reserve(size)
            if self.base != NULL:
                self.reserved = size
                break
            size = size // 2 // HUGE * HUGE
        if self.base == NULL:
            raise MemoryError("pydl: the system refuses address space for an arena")

    def __dealloc__(self):
        if self.base != NULL:
            pydl_unreserve(self.base, self.reserved)
        free(self.spans)

    def reset(self):
        """Forget every block.  Arrays of before become stale: reading them raises, their memory stays mapped."""
        self.generation += 1
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
        cdef isize i, best = -1, start
        if nbytes > self.reserved:
            raise MemoryError(f"pydl: no memory for an array of {nbytes} bytes")
        nbytes = max((nbytes + ALIGN - 1) // ALIGN * ALIGN, ALIGN)
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
        return start

    cdef int give_back(self, isize start, isize size) except -1:
        cdef isize i, low = 0, high = self.n_spans
        cdef Span *grown
        self.in_use -= size
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

    def __repr__(self):
        return f"Array(shape={self.shape}, dtype={self.dtype.name})"

    def __dlpack__(self, **options):
        return np.asarray(self).__dlpack__(**options)

    def __dlpack_device__(self):
        return (1, 0)

    def __getbuffer__(self, Py_buffer *view, int flags):
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

    def __releasebuffer__(self, Py_buffer *view):
        pass


cpdef Array empty(shape, dtype="float32"):
    """An Array of undefined content from the arena in use: the open recording's, else the eager one."""
    cdef Array a = new_array(tuple(shape), dtype_code(dtype))
    cdef Arena arena = eager_arena
    if pydl_open_recording != NULL:
        arena = (<Recording>pydl_open_recording).arena
    a.block_start = arena.take(a.nbytes)
    a.block_size = max((a.nbytes + ALIGN - 1) // ALIGN * ALIGN, ALIGN)
    a.arena = arena
    a.generation = arena.generation
    a.data = arena.base + a.block_start
    return a


cdef class Memory:
    """A block outside every arena: parameters, slots, accumulators, what a program owns."""
    cdef void *data

    def __dealloc__(self):
        free(self.data)


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


def assign(Array target not None, values):
    """Overwrite an array with values of the same shape, cast to its dtype."""
    values = np.asarray(values)
    if values.shape != target.shape:
        raise ValueError(f"assign: the array has shape {target.shape}, the values {values.shape}")
    np.copyto(np.asarray(target), values, casting="same_kind" if values.dtype.kind == "f" else "unsafe")


# ---------------------------------------------------------------------------------------------------- checks

cdef void *ptr(Array a) except NULL:
    """The address for a kernel's struct; refuses a stale array and keeps what a recording needs alive."""
    cdef Recording recording
    if a.arena is not None and a.generation != a.arena.generation:
        raise RuntimeError(f"{a!r} belongs to a recorded step that has run again; copy it inside the step to keep it")
    if pydl_open_recording != NULL:
        recording = <Recording>pydl_open_recording
        if a.arena is not recording.arena:
            recording.kept.append(a)
    return a.data


cdef int agree(str who, Array a, Array b) except -1:
    """Same dtype, same size."""
    if a.code != b.code:
        raise TypeError(f"{who}: dtypes differ, {a.dtype.name} and {b.dtype.name}")
    if a.size != b.size:
        raise ValueError(f"{who}: sizes differ, shapes {a.shape} and {b.shape}")
    return 0


cdef int expect(str who, str name, Array a, int code, tuple shape) except -1:
    """Exactly this dtype and shape."""
    if a is None:
        raise TypeError(f"{who}: {name} is missing")
    if a.code != code:
        raise TypeError(f"{who}: {name} must be {DTYPES[code].name}, got {a.dtype.name}")
    if a.shape != shape:
        raise ValueError(f"{who}: {name} must have shape {shape}, got {a.shape}")
    return 0


# ---------------------------------------------------------------------------------------------------- threads, CPU level, BLAS

cdef int thread_count = 1
cdef int cpu_level = 0
cdef int best_level = 0
cdef pydl_blas blas
cdef bint blas_tried = False
cdef str blas_report = "not loaded yet"
cdef int in_kernels = 0                     # threads inside a kernel now; guarded by the GIL
cdef long settings = 0                      # raised by whatever makes a recording out of date

LEVEL_NAMES = ("base", "avx2", "avx512")

def settings_version():
    """A number that changes when the thread count or the CPU level does: part of every program's key."""
    return settings

def set_num_threads(n):
    """Set how many threads kernels may use.  Changes speed, never a bit of a result."""
    global thread_count, settings
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"set_num_threads: n must be an int, got {n!r}")
    n = n.__index__()
    if not 1 <= n <= 1024:
        raise ValueError(f"set_num_threads: n must be between 1 and 1024, got {n}")
    thread_count = n
    settings += 1

def get_num_threads():
    """How many threads kernels may use."""
    return thread_count

def built_levels():
    """The CPU levels this build holds, lowest first."""
    return tuple(name for i, name in enumerate(LEVEL_NAMES) if pydl_kernel_table[0].run[i][0] != NULL)

def cpu_levels():
    """The CPU levels this build holds and this machine runs, lowest first."""
    return tuple(name for name in built_levels() if LEVEL_NAMES.index(name) <= best_level)

def set_cpu_level(name):
    """Run the kernels compiled for another CPU level: "base", "avx2" or "avx512"."""
    global cpu_level, settings
    if name not in cpu_levels():
        raise ValueError(f"CPU level: expected one of {', '.join(cpu_levels())} on this machine, got {name!r}")
    cpu_level = LEVEL_NAMES.index(name)
    settings += 1

def get_cpu_level():
    """The name of the CPU level in use."""
    return LEVEL_NAMES[cpu_level]

def blas_status():
    """One sentence on the BLAS in use."""
    load_blas()
    return blas_report

cdef load_blas():
    """Load the private OpenBLAS beside the package, once, at the first kernel launch: an import does not pay for it."""
    global blas_tried, blas_report
    if blas_tried:
        return
    blas_tried = True
    try:
        from pydl import _build_info as build
    except ImportError:
        blas_report = "none: built without one; own kernels serve every product"
        return
    if not build.BLAS_LIBRARY:
        blas_report = "none: built without one; own kernels serve every product"
        return
    path = os.path.join(os.path.dirname(os.path.dirname(__file__)), "_libs", build.BLAS_LIBRARY)
    cdef const char *core = NULL
    if best_level == 2 and "OPENBLAS_CORETYPE" not in os.environ:
        core = b"SkylakeX"                  # OpenBLAS takes AMD's AVX-512 for Haswell and runs at half speed
    encoded_path, encoded_prefix = os.fsencode(path), build.BLAS_SYMBOL_PREFIX.encode()
    cdef const char *trouble = pydl_load_blas(encoded_path, encoded_prefix, core, &blas)
    if trouble != NULL:
        blas.sgemm = blas.dgemm = NULL
        blas_report = f"none: {build.BLAS_LIBRARY} does not load ({trouble.decode(errors='replace')})"
    else:
        blas_report = f"{build.BLAS_LIBRARY} {build.BLAS_VERSION}, one thread, private"


def cgroup_cpu_quota():
    """CPUs the control group grants, as a float; None where there is no limit."""
    try:
        with open("/proc/self/cgroup") as file:
            groups = dict(line.rstrip("\n").split(":", 2)[1:] for line in file)
        path = groups.get("", "/")
        while True:                         # the tightest limit on the way up to the root
            try:
                with open("/sys/fs/cgroup" + path.rstrip("/") + "/cpu.max") as file:
                    quota, period = file.read().split()[:2]
                if quota != "max":
                    return int(quota) / int(period)
            except OSError:
                pass
            if path in ("", "/"):
                break
            path = os.path.dirname(path)
        with open("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") as file:
            quota = int(file.read())
        with open("/sys/fs/cgroup/cpu/cpu.cfs_period_us") as file:
            return quota / int(file.read()) if quota > 0 else None
    except (OSError, ValueError):
        return None


def default_num_threads():
    """PYDL_NUM_THREADS, else OMP_NUM_THREADS, else the CPUs this process may use, within its control group's quota."""
    for variable in ("PYDL_NUM_THREADS", "OMP_NUM_THREADS"):
        first = os.environ.get(variable, "").split(",")[0].strip()
        if first.isdigit() and 1 <= int(first) <= 1024:
            return int(first)
    try:
        cpus = len(os.sched_getaffinity(0))
    except AttributeError:
        cpus = os.cpu_count() or 1
    quota = cgroup_cpu_quota()
    return max(1, min(cpus, 1024, int(quota) if quota else cpus))


cdef int paused_for_fork = 0

def _before_fork():
    global paused_for_fork
    paused_for_fork = in_kernels == 0
    if paused_for_fork:
        pydl_pause_threads()

def _after_fork_in_child():
    """A child of a process that was inside a kernel cannot start threads: it goes on with one."""
    global thread_count, in_kernels
    if not paused_for_fork:
        thread_count = 1
    in_kernels = 0


# ---------------------------------------------------------------------------------------------------- launcher

cdef dict rows = {}
for _i in range(pydl_kernel_count):
    rows[pydl_kernel_table[_i].name.decode()] = _i

cdef const pydl_kernel_row *kernel(str name) except NULL:
    """The row of a kernel in the table; called once a kernel, when its boundary is imported."""
    if name not in rows:
        raise ImportError(f"pydl: kernel {name} is not in this build; reinstall it: pip install --force-reinstall .")
    return &pydl_kernel_table[<isize>rows[name]]


cdef int fail(int status, str name, pydl_fault *fault) except -1:
    raise KernelError(name, fault.where, fault.value, fault.limit)


cdef int launch(const pydl_kernel_row *row, Array typed, void *args, isize nbytes, Array out,
                double flops, double moved) except -1:
    """Run a kernel and, while recording, write the call down.

    typed: the array whose dtype picks the float or double kernel (None for a kernel without a real type);
    out: the array whose shape names the call in a profile; flops, moved (bytes): its cost there.
    """
    global in_kernels
    cdef int real_type = 0, status
    cdef pydl_ctx ctx
    cdef pydl_fault fault
    cdef pydl_kernel run
    cdef isize scratch_bytes
    cdef Array scratch = None
    if typed is not None:
        real_type = typed.code
        if real_type > FLOAT64:
            raise TypeError(f"{row.name.decode()}: expected float32 or float64, got {typed.dtype.name}")
    if not blas_tried:
        load_blas()
    run = row.run[cpu_level][real_type]
    ctx.threads = thread_count
    ctx.blas = &blas
    ctx.fault = &fault
    memset(&fault, 0, sizeof(fault))
    if row.scratch[cpu_level][real_type] != NULL:
        scratch_bytes = row.scratch[cpu_level][real_type](&ctx, args)
        (<void **>args)[0] = NULL
        if scratch_bytes > 0:
            scratch = empty((scratch_bytes,), UINT8)
            (<void **>args)[0] = scratch.data
    in_kernels += 1
    with nogil:
        status = run(&ctx, args)
    in_kernels -= 1
    if status != 0:
        fail(status, row.name.decode(), &fault)
    if pydl_open_recording != NULL:
        (<Recording>pydl_open_recording).append(row, run, args, nbytes, out, flops, moved)
    return 0


# ---------------------------------------------------------------------------------------------------- recording

cdef spoil(str reason):
    """While recording: this step cannot be replayed; remember why, and the user's line."""
    cdef Recording recording
    if pydl_open_recording == NULL:
        return
    recording = <Recording>pydl_open_recording
    if recording.spoilt is None:
        frame = sys._getframe(0)
        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        last = recording.labels[len(recording.labels) - 1][0] if recording.labels else "the start"
        while frame is not None and os.path.abspath(frame.f_code.co_filename).startswith(here):
            frame = frame.f_back
        where = f" at {frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else ""
        recording.spoilt = f"{reason} inside the step (after {last}){where}"


def spoil_recording(reason):
    """Mark the open recording, if any, as one that must not be replayed."""
    spoil(reason)


def recording_is_open():
    return pydl_open_recording != NULL


cdef class Recording:
    """Every kernel call of a step, written down while the step runs: `with Recording(arena, previous): step()`.

    previous: an earlier recording of the same step in the same arena; its constants are met again by content.
    """

    def __cinit__(self, Arena arena not None, Recording previous=None):
        self.arena = arena
        self.previous = previous
        self.labels, self.kept, self.constants = [], [], []

    def __dealloc__(self):
        free(self.calls)
        free(self.offsets)
        free(self.args)

    def __enter__(self):
        global pydl_open_recording
        if pydl_open_recording != NULL and (<Recording>pydl_open_recording).arena is self.arena:
            raise RuntimeError("a recorded step was called from inside itself")
        self.outer = pydl_open_recording
        self.arena.reset()
        Py_INCREF(self)
        pydl_open_recording = <void *>self
        return self

    def __exit__(self, kind, value, traceback):
        global pydl_open_recording
        pydl_open_recording = self.outer
        self.previous = None
        Py_DECREF(self)

    cdef Array constant(self, tuple shape, int code, const void *content):
        """An array of this content, owned by the program: the previous recording's own if that holds the same."""
        cdef Array a
        cdef isize i = len(self.constants)
        if self.previous is not None and i < len(self.previous.constants):
            a = self.previous.constants[i]
            if a.shape == shape and a.code == code and memcmp(a.data, content, a.nbytes) == 0:
                self.constants.append(a)
                return a
        a = owned(shape, code)
        memcpy(a.data, content, a.nbytes)
        self.constants.append(a)
        return a

    cdef int append(self, const pydl_kernel_row *row, pydl_kernel run, const void *args, isize nbytes, Array out,
                    double flops, double moved) except -1:
        cdef isize more, stored = (nbytes + 15) // 16 * 16
        cdef void *grown
        if self.n == self.capacity:
            more = 2 * self.capacity + 64
            grown = realloc(self.calls, more * sizeof(pydl_call))
            if grown == NULL:
                raise MemoryError("pydl: no memory to record a step")
            self.calls = <pydl_call *>grown
            grown = realloc(self.offsets, more * sizeof(isize))
            if grown == NULL:
                raise MemoryError("pydl: no memory to record a step")
            self.offsets = <isize *>grown
            self.capacity = more
        if self.args_used + stored > self.args_capacity:
            more = 2 * self.args_capacity + stored + 4096
            grown = realloc(self.args, more)
            if grown == NULL:
                raise MemoryError("pydl: no memory to record a step")
            self.args = <char *>grown
            self.args_capacity = more
        memcpy(self.args + self.args_used, args, nbytes)
        self.calls[self.n].run = run
        self.offsets[self.n] = self.args_used
        self.n += 1
        self.args_used += stored
        self.labels.append((row.name.decode(), None if out is None else out.shape, flops, moved, nbytes))
        return 0

    def difference(self, Recording other not None):
        """None if the two recordings replay alike, else one sentence on the first difference."""
        cdef isize i, nbytes
        for recording in (self, other):
            if recording.spoilt is not None:
                return recording.spoilt
        for i in range(min(self.n, other.n)):
            mine, theirs = self.labels[i], other.labels[i]
            if self.calls[i].run != other.calls[i].run or mine[0] != theirs[0]:
                return f"call {i} was {mine[0]} in one step and {theirs[0]} in the next"
            nbytes = mine[4]
            if mine[1] != theirs[1]:
                return f"call {i}, {mine[0]}, had output shape {mine[1]} in one step and {theirs[1]} in the next"
            if nbytes != theirs[4] or memcmp(self.args + self.offsets[i], other.args + other.offsets[i], nbytes) != 0:
                return f"call {i}, {mine[0]} with output {mine[1]}, has other arguments from step to step " \
                       "(a number, a constant or an array that changes)"
        if self.n != other.n:
            return f"one step made {self.n} kernel calls and the next {other.n}"
        return None


cdef class Program:
    """A recorded step, replayed in one call: forward, loss, metrics, backward, update; no Python, no allocation."""
    cdef readonly Recording recording
    cdef readonly object outputs            # what the step returned; its arrays hold the results after each run
    cdef readonly object inputs             # arrays to fill before a run
    cdef readonly object lock
    cdef pydl_program program
    cdef object __weakref__

    def __init__(self, Recording recording not None, inputs, outputs):
        cdef isize i
        for i in range(recording.n):
            recording.calls[i].args = recording.args + recording.offsets[i]
        self.recording, self.inputs, self.outputs = recording, inputs, outputs
        self.program.calls = recording.calls
        self.program.n = recording.n
        self.lock = threading.Lock()

    @property
    def nbytes(self):
        """Bytes of the arena: the most that was in use at one time."""
        return self.recording.arena.peak

    @property
    def requested(self):
        """Bytes of all arrays of the step together, had none taken over a dead one's block."""
        return self.recording.arena.requested

    @property
    def calls(self):
        """(kernel, output shape, FLOPs, bytes moved) a call."""
        return [label[:4] for label in self.recording.labels]

    def run(self):
        """Replay the step.  Raises KernelError like the eager step would."""
        self._run(NULL)

    cdef _run(self, double *seconds):
        global in_kernels
        cdef pydl_ctx ctx
        cdef pydl_fault fault
        cdef isize failed = 0
        cdef int status
        ctx.threads = thread_count
        ctx.blas = &blas
        ctx.fault = &fault
        memset(&fault, 0, sizeof(fault))
        in_kernels += 1
        with nogil:
            if seconds == NULL:
                status = pydl_program_run(&ctx, &self.program, &failed)
            else:
                status = pydl_program_profile(&ctx, &self.program, seconds, &failed)
        in_kernels -= 1
        if status != 0:
            fail(status, self.recording.labels[failed][0], &fault)

    def profile(self, int repeats=1):
        """Replay with timers: seconds a call, as a list, added up over the repeats."""
        seconds = owned((max(self.recording.n, 1),), FLOAT64)
        for _ in range(repeats):
            self._run(<double *>ptr(seconds))
        return np.asarray(seconds)[:self.recording.n].tolist()


# ---------------------------------------------------------------------------------------------------- at import

cdef _start():
    global thread_count, cpu_level, best_level
    best_level = pydl_cpu_best()
    while best_level > 0 and pydl_kernel_table[0].run[best_level][0] == NULL:
        best_level -= 1
    cpu_level = best_level
    wanted = os.environ.get("PYDL_CPU", "").strip()
    if wanted:
        set_cpu_level(wanted)
    thread_count = default_num_threads()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)

_start()
