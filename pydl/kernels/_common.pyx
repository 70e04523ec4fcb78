"""Array, arena, launcher and recording: the only road from Python to a kernel.

An `Array` is contiguous memory with a shape and a dtype.  It comes from an `Arena`, which hands a dead array's block
to the next one.  `launch` runs a kernel with the GIL released and, while a `Recording` is open in this thread, writes
the call down; two recordings of the same step that do not differ make a `Program`, which replays them in C.
"""
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.ref cimport Py_INCREF, Py_DECREF
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

import gc
import os
import sys
import threading

import numpy as np

cdef extern from *:
    """
    static _Thread_local void *pydl_open_recording = NULL;
    """
    void *pydl_open_recording

cdef extern from "program.h" nogil:
    int pydl_launch(pydl_kernel run, const pydl_ctx *ctx, const void *args)
    int pydl_program_run(const pydl_ctx *ctx, const pydl_program *program, isize *failed)
    double pydl_clock()
    int pydl_program_profile(const pydl_ctx *ctx, const pydl_program *program, double *seconds, isize *failed)


class KernelError(ValueError):
    """A kernel found a value it cannot work with: `kernel`, `where` (position), `value`, `limit` (0 <= value < limit)."""

    def __init__(self, kernel, where, value, limit):
        super().__init__(f"{kernel}: value {value} at position {where} is outside 0 <= value < {limit}")
        self.kernel, self.where, self.value, self.limit = kernel, where, value, limit

include "_array.pxi"
include "_machine.pxi"


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


cdef int index_size(str who, str name, Array a) except -1:
    """The bytes of an index's integers, which must be int32 or int64."""
    if a.code != INT32 and a.code != INT64:
        raise TypeError(f"{who}: {name} must be int32 or int64, got {a.dtype.name}")
    return 4 if a.code == INT32 else 8


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


cdef inline pydl_ctx context(int threads, pydl_fault *fault) noexcept nogil:
    """What kernels are launched with; nothing is wrong yet."""
    cdef pydl_ctx ctx
    memset(fault, 0, sizeof(pydl_fault))
    ctx.threads, ctx.blas, ctx.fault, ctx.crew = threads, &blas, fault, NULL
    return ctx


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
    # scratch has one buffer a thread: a program never runs on more threads than it was recorded for
    ctx = context(thread_count if pydl_open_recording == NULL else (<Recording>pydl_open_recording).threads, &fault)
    if row.scratch[cpu_level][real_type] != NULL:
        scratch_bytes = row.scratch[cpu_level][real_type](&ctx, args)
        (<void **>args)[0] = NULL
        if scratch_bytes > 0:
            scratch = empty((scratch_bytes,), UINT8)
            (<void **>args)[0] = scratch.data
    in_kernels += 1
    with nogil:
        status = pydl_launch(run, &ctx, args)
    in_kernels -= 1
    if status != 0:
        fail(status, row.name.decode(), &fault)
    if pydl_open_recording != NULL:
        (<Recording>pydl_open_recording).append(row, run, args, nbytes, out, flops, moved)
        if out is None or out.arena is None or row.family in (b"random", b"dropout"):
            (<Recording>pydl_open_recording).pure = False
    if out is not None:
        changed(out)
    return 0


# ---------------------------------------------------------------------------------------------------- prepared weights

cdef int changed(Array a) except -1:
    """A kernel wrote to this array: if it is a weight, what was made of it is out of date, now and after every replay of the open recording."""
    a = root_of(a)
    if a.weight:
        a.changes += 1
        if pydl_open_recording != NULL:
            (<Recording>pydl_open_recording).written.append(a)
    return 0


cdef int aside(const pydl_kernel_row *row, Array typed, void *args) except -1:
    """Run a kernel that only tells a size: on one thread, without scratch, unrecorded."""
    cdef pydl_ctx ctx
    cdef pydl_fault fault
    ctx = context(1, &fault)
    if pydl_launch(row.run[cpu_level][typed.code], &ctx, args) != 0:
        fail(1, row.name.decode(), &fault)
    return 0


cdef class Prepared:
    """What a kernel makes of weights before it uses them (packed, turned, folded), kept until one of them changes.

    It lives in the dict of its weight and dies with it.  At most one for each form: for a convolution the packed weights, or 36 planes for
    9 places of the window, and as much again with a normalisation folded in.
    """

    cdef bint fresh(self):
        cdef Array root = <Array>self.owner
        cdef isize i = 0
        if root.views or root.changes != <long>self.seen[0]:
            return False
        for source in self.sources:
            i += 1
            root = <Array>source
            if root.views or root.changes != <long>self.seen[i]:
                return False
        return True

    cdef int make(self) except -1:
        """Fill the array.  The GIL is held throughout: no other thread sees it half done."""
        global pydl_open_recording
        cdef pydl_ctx ctx
        cdef pydl_fault fault
        cdef Array scratch = None
        cdef isize bytes_
        cdef void *recording = pydl_open_recording
        cdef char *args = self.arguments
        ctx = context(thread_count, &fault)
        pydl_open_recording = NULL                          # scratch is the eager arena's, and nothing of this is written down
        try:
            if self.row.scratch[self.level][self.real_type] != NULL:
                bytes_ = self.row.scratch[self.level][self.real_type](&ctx, args)
                (<void **>args)[0] = NULL
                if bytes_ > 0:
                    scratch = empty((bytes_,), UINT8)
                    (<void **>args)[0] = scratch.data
            self.seen = [(<Array>self.owner).changes] + [(<Array>source).changes for source in self.sources]
            if pydl_launch(self.row.run[self.level][self.real_type], &ctx, args) != 0:
                fail(1, self.row.name.decode(), &fault)
        finally:
            pydl_open_recording = recording
        return 0


cdef Prepared prepare(Array weight, object key, const pydl_kernel_row *row, void *args, isize nbytes, isize size, isize where, tuple sources):
    """The Prepared of a weight under this key, made by a kernel of these arguments if it is not there; up to date when this returns.

    size: its reals; where: the offset in args of the pointer to be set to them; sources: the other arrays that it depends on.
    """
    cdef Array root = root_of(weight), source
    cdef Prepared p
    if not blas_tried:
        load_blas()
    key = (key, cpu_level, <size_t>weight.data)
    if root.prepared is None:
        root.prepared = {}
    p = root.prepared.get(key)
    if p is None:
        p = Prepared.__new__(Prepared)
        p.array = owned((size,), weight.code)
        (<void **>(<char *>args + where))[0] = p.array.data
        p.owner = <void *>root
        p.sources = tuple([root_of(source) for source in sources])
        p.row, p.real_type, p.level = row, weight.code, cpu_level
        p.arguments = (<char *>args)[:nbytes]
        p.make()
        root.prepared[key] = p
    elif not p.fresh():
        p.make()
    if pydl_open_recording != NULL:
        (<Recording>pydl_open_recording).prepared.append((p, root))
    return p


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
        self.threads = thread_count
        self.pure = True
        self.labels, self.kept, self.constants, self.written, self.prepared = [], [], [], [], []

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



cdef enum:
    TRIALS = 4                              # runs each to compare one thread with all
    RETRY = 512                             # runs until they are compared again

cdef double LONG = 5e-3                     # seconds of a run on all threads that waking them cannot matter to


cdef class Program:
    """A recorded step, replayed in one call: forward, loss, metrics, backward, update; no Python, no allocation."""
    cdef readonly Recording recording
    cdef readonly object outputs            # what the step returned; its arrays hold the results after each run
    cdef readonly object inputs             # arrays to fill before a run
    cdef readonly object lock
    cdef tuple written, prepared            # weights that a run changes; what kernels made of weights, to be made anew where those changed
    cdef pydl_program program
    cdef readonly int threads, chosen       # of the latest run; what was found faster
    cdef double[2] best                     # seconds of the fastest trial on one thread, on all
    cdef long runs
    cdef object __weakref__

    def __init__(self, Recording recording not None, inputs, outputs):
        cdef isize i
        for i in range(recording.n):
            recording.calls[i].args = recording.args + recording.offsets[i]
        self.recording, self.inputs, self.outputs = recording, inputs, outputs
        self.program.calls = recording.calls
        self.program.n = recording.n
        pydl_allow(recording.arena.base, recording.arena.committed)     # a replay uses blocks that no Array holds any more
        self.lock = threading.Lock()
        self.written = tuple({id(a): a for a in recording.written}.values())
        self.prepared = tuple({id(p): (p, root) for p, root in recording.prepared}.values())

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
        global in_kernels, running
        cdef pydl_ctx ctx
        cdef pydl_fault fault
        cdef isize failed = 0
        cdef int status
        cdef double started = 0
        cdef int trial = self.next_trial()
        cdef Prepared prepared
        for pair in self.prepared:
            prepared = <Prepared>(<tuple>pair)[0]
            if not prepared.fresh():
                prepared.make()
        ctx = context(self.threads, &fault)
        in_kernels += 1
        running += 1
        with nogil:
            if trial >= 0:
                started = pydl_clock()
            if seconds == NULL:
                status = pydl_program_run(&ctx, &self.program, &failed)
            else:
                status = pydl_program_profile(&ctx, &self.program, seconds, &failed)
            if trial >= 0:
                started = pydl_clock() - started
        in_kernels -= 1
        running -= 1
        for a in self.written:
            (<Array>a).changes += 1
        if trial >= 0 and started < self.best[trial]:
            self.best[trial] = started
        if status != 0:
            fail(status, self.recording.labels[failed][0], &fault)

    cdef int next_trial(self) noexcept:
        """Which thread count this run times: 0 for one thread, 1 for all, -1 for neither; sets self.threads.

        No bit depends on the thread count, so a program may find out by itself what is faster here and now: small steps
        run best on one thread, and so does any step while other processes want the CPUs.
        """
        cdef long turn = self.runs % RETRY
        cdef int most = min(thread_count, self.recording.threads), alone
        if most > 1 and running:                # of several that run at once each gets its share
            most = max(1, most // (running + 1))
            self.threads = most
            return -1
        if most == 1:
            self.threads = 1
            return -1
        self.runs += 1
        if turn == 0:
            self.best[0] = self.best[1] = 1e300
        if turn < 2 * TRIALS:                   # all its runs in a row: the first wakes the threads and moves the weights into their caches
            alone = turn >= TRIALS
            if not (alone and self.runs <= 2 * TRIALS and self.best[1] > LONG):      # a long one is given all until it is compared again
                self.threads = 1 if alone else most
                return not alone
            self.chosen = most
        if turn == 2 * TRIALS:
            self.chosen = 1 if self.best[0] <= self.best[1] else most
        self.threads = min(self.chosen, most)
        return -1

    def profile(self, int repeats=1):
        """Replay with timers: seconds a call, as a list, added up over the repeats."""
        seconds = owned((max(self.recording.n, 1),), FLOAT64)
        for _ in range(repeats):
            self._run(<double *>ptr(seconds))
        return np.asarray(seconds)[:self.recording.n].tolist()
