"""Boundary of the optimizer kernels.

An entry is a tuple (w, g, s0, s1, s2, lr_scale, decay): a parameter, its gradient, its slots (None where the method
has fewer) and its own factors of learning rate and weight decay; an eighth member (rows, found) makes the gradient one of
some rows only: row k of it belongs to row rows[k] of the parameter, for k < found[0].  Every update is called alike:

    adam_update(entries, hyper, g_scale, iterations, advance, gate=None, every=1)

hyper: float64, laid out as the kernel's struct in optim.h; g_scale: float64, one number an entry, or None;
iterations: int64, one number, which the kernel raises by `advance`; gate: int64, one number: unless it is a multiple of
`every`, nothing happens.
"""
from libc.stdlib cimport calloc, free

from pydl.kernels._common cimport changed, Array, FLOAT64, INT64, agree, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "optim.h":
    ctypedef struct pydl_optim_entry_f32:
        float *w
        const float *g
        float *s0
        float *s1
        float *s2
        isize n
        double lr_scale
        double decay
        const void *rows
        const void *found
        isize width
        isize limit
    ctypedef struct pydl_clip_norm_args_f32:
        void *scratch
        isize count
        const double *limit
        double *g_scale
        pydl_optim_entry_f32 entries[1]
    ctypedef struct pydl_optim_update_args_f32:
        isize count
        void *hyper
        const double *g_scale
        void *iterations
        isize advance
        const void *gate
        isize every
        pydl_optim_entry_f32 entries[1]
    ctypedef struct pydl_accumulate_gradients_args_f32:
        isize count
        void *calls
        isize every
        pydl_optim_entry_f32 entries[1]
    ctypedef struct pydl_average_weights_args_f32:
        isize count
        const double *momentum
        const void *iterations
        isize overwrite
        const void *gate
        isize every
        pydl_optim_entry_f32 entries[1]
    ctypedef struct pydl_sgd_hyper:
        double momentum
    ctypedef struct pydl_rmsprop_hyper:
        double momentum
    ctypedef struct pydl_adam_hyper:
        double epsilon
    ctypedef struct pydl_nadam_hyper:
        double epsilon
    ctypedef struct pydl_adagrad_hyper:
        double epsilon
    ctypedef struct pydl_adadelta_hyper:
        double epsilon
    ctypedef struct pydl_lion_hyper:
        double beta_1


cdef isize fill(str who, pydl_optim_entry_f32 *to, list entries, int slots) except -1:
    """Check the entries and write them down; returns how many bytes their gradients have."""
    cdef Array w, g, s, rows, found
    cdef float *address[3]
    cdef isize moved = 0
    cdef int i, code = -1
    for entry in entries:
        w, g = entry[0], entry[1]
        if w is None or g is None:
            raise TypeError(f"{who}: an entry lacks its parameter or its gradient")
        if len(entry) > 7:
            rows, found = entry[7]
            if w.ndim < 1 or g.ndim != 2 or not w.shape[0]:
                raise ValueError(f"{who}: a gradient by rows must be (rows, width), got {g.shape} for a parameter of shape {w.shape}")
            expect(who, "gradient", g, w.code, (g.shape[0], w.size // w.shape[0]))
            expect(who, "rows", rows, INT64, (g.shape[0],))
            expect(who, "found", found, INT64, (1,))
            to.rows, to.found, to.width, to.limit = ptr(rows), ptr(found), g.shape[1], w.shape[0]
        else:
            agree(who, w, g)
        if code >= 0 and w.code != code:
            raise TypeError(f"{who}: the parameters have different dtypes")
        code = w.code
        for i in range(3):
            address[i] = NULL
            if i < slots:
                s = entry[2 + i]
                if s is None:
                    raise TypeError(f"{who}: an entry lacks slot {i}")
                agree(who, w, s)
                address[i] = <float *>ptr(s)
        to.w = <float *>ptr(w)
        to.g = <const float *>ptr(g)
        to.s0, to.s1, to.s2 = address[0], address[1], address[2]
        to.n, to.lr_scale, to.decay = g.size, entry[5], entry[6]
        moved += g.nbytes
        to += 1
    return moved


cdef int refuse_rows(str who, list entries) except -1:
    for entry in entries:
        if len(entry) > 7:
            raise ValueError(f"{who}: takes whole gradients only")
    return 0


cdef int check_gate(str who, Array gate, isize every) except -1:
    if every < 1:
        raise ValueError(f"{who}: every must be at least 1, got {every}")
    if gate is not None:
        expect(who, "gate", gate, INT64, (1,))
    return 0


cdef int update(const pydl_kernel_row *row, list entries, int slots, Array hyper, isize hyper_bytes, Array g_scale,
                Array iterations, isize advance, Array gate, isize every, int flops) except -1:
    cdef str who = row.name.decode()
    cdef isize count = len(entries), moved, nbytes = sizeof(pydl_optim_update_args_f32) + count * sizeof(pydl_optim_entry_f32)
    cdef pydl_optim_update_args_f32 *a
    cdef Array first
    if count == 0:
        raise ValueError(f"{who}: there are no parameters to update")
    expect(who, "hyper", hyper, FLOAT64, (hyper_bytes // 8,))
    expect(who, "iterations", iterations, INT64, (1,))
    check_gate(who, gate, every)
    if g_scale is not None:
        expect(who, "g_scale", g_scale, FLOAT64, (count,))
    a = <pydl_optim_update_args_f32 *>calloc(1, nbytes)
    if a == NULL:
        raise MemoryError(f"{who}: no memory for {count} entries")
    try:
        moved = fill(who, a.entries, entries, slots)
        a.count, a.advance = count, advance
        a.hyper, a.iterations, a.every = ptr(hyper), ptr(iterations), every
        if gate is not None:
            a.gate = ptr(gate)
        if g_scale is not None:
            a.g_scale = <const double *>ptr(g_scale)
        first = entries[0][0]
        launch(row, first, a, nbytes, first, flops * (moved / first.nbytes * first.size if first.nbytes else 0), (3 + 2 * slots) * moved)
        for entry in entries:
            changed(entry[0])
    finally:
        free(a)
    return 0


cdef int clip(const pydl_kernel_row *row, list entries, Array limit, Array g_scale) except -1:
    cdef str who = row.name.decode()
    cdef isize count = len(entries), moved, nbytes = sizeof(pydl_clip_norm_args_f32) + count * sizeof(pydl_optim_entry_f32)
    cdef pydl_clip_norm_args_f32 *a
    cdef Array first
    if count == 0:
        raise ValueError(f"{who}: there are no gradients to clip")
    expect(who, "limit", limit, FLOAT64, (1,))
    expect(who, "g_scale", g_scale, FLOAT64, (count,))
    a = <pydl_clip_norm_args_f32 *>calloc(1, nbytes)
    if a == NULL:
        raise MemoryError(f"{who}: no memory for {count} entries")
    try:
        moved = fill(who, a.entries, entries, 0)
        a.count = count
        a.limit, a.g_scale = <const double *>ptr(limit), <double *>ptr(g_scale)
        first = entries[0][0]
        launch(row, first, a, nbytes, g_scale, 2 * (moved / 4), moved)
    finally:
        free(a)
    return 0


cdef const pydl_kernel_row *CLIP_NORM = kernel("clip_norm")
cdef const pydl_kernel_row *CLIP_GLOBAL_NORM = kernel("clip_global_norm")

def clip_norm(list entries not None, Array limit not None, Array g_scale not None):
    """g_scale[k] = min(1, limit / norm of gradient k).  limit: float64, one number."""
    clip(CLIP_NORM, entries, limit, g_scale)

def clip_global_norm(list entries not None, Array limit not None, Array g_scale not None):
    """g_scale[k] = min(1, limit / norm of all gradients together)."""
    clip(CLIP_GLOBAL_NORM, entries, limit, g_scale)


cdef const pydl_kernel_row *ACCUMULATE_GRADIENTS = kernel("accumulate_gradients")
cdef const pydl_kernel_row *AVERAGE_WEIGHTS = kernel("average_weights")

def accumulate_gradients(list entries not None, Array calls not None, isize every):
    """Add gradients up in slot 0 over `every` calls; at the last it holds their mean.  calls: int64, one number, raised by 1."""
    cdef str who = "accumulate_gradients"
    cdef isize count = len(entries), moved, nbytes = sizeof(pydl_accumulate_gradients_args_f32) + count * sizeof(pydl_optim_entry_f32)
    cdef pydl_accumulate_gradients_args_f32 *a
    cdef Array first
    if count == 0:
        raise ValueError(f"{who}: there are no gradients")
    refuse_rows(who, entries)
    check_gate(who, calls, every)
    a = <pydl_accumulate_gradients_args_f32 *>calloc(1, nbytes)
    if a == NULL:
        raise MemoryError(f"{who}: no memory for {count} entries")
    try:
        moved = fill(who, a.entries, entries, 1)
        a.count, a.calls, a.every = count, ptr(calls), every
        first = entries[0][0]
        launch(ACCUMULATE_GRADIENTS, first, a, nbytes, first, moved / 4, 3 * moved)
    finally:
        free(a)


def average_weights(list entries not None, Array momentum not None, Array iterations not None, isize overwrite, Array gate=None, isize every=1):
    """slot 0 = momentum * slot 0 + (1 - momentum) * w, behind an update; w = slot 0 at every `overwrite`-th step, if not 0."""
    cdef str who = "average_weights"
    cdef isize count = len(entries), moved, nbytes = sizeof(pydl_average_weights_args_f32) + count * sizeof(pydl_optim_entry_f32)
    cdef pydl_average_weights_args_f32 *a
    cdef Array first
    if count == 0 or overwrite < 0:
        raise ValueError(f"{who}: expected entries and overwrite >= 0")
    refuse_rows(who, entries)
    check_gate(who, gate, every)
    expect(who, "momentum", momentum, FLOAT64, (1,))
    expect(who, "iterations", iterations, INT64, (1,))
    a = <pydl_average_weights_args_f32 *>calloc(1, nbytes)
    if a == NULL:
        raise MemoryError(f"{who}: no memory for {count} entries")
    try:
        moved = fill(who, a.entries, entries, 1)
        a.count, a.overwrite, a.every = count, overwrite, every
        a.momentum, a.iterations = <const double *>ptr(momentum), ptr(iterations)
        if gate is not None:
            a.gate = ptr(gate)
        first = entries[0][0]
        launch(AVERAGE_WEIGHTS, first, a, nbytes, first, moved / 2, 3 * moved)
        for entry in entries:
            changed(entry[0])
    finally:
        free(a)


cdef int check_numbers(str who, Array a, isize i) except -1:
    if a.arena is not None or a.code not in (FLOAT64, INT64) or not 0 <= i < a.size:
        raise ValueError(f"{who}: expected an owned float64 or int64 array of more than {i} elements, got {a!r}")
    return 0


def number(Array a not None, isize i=0):
    """One value of a float64 or int64 array that lives outside every arena, such as a learning rate.

    Unlike `item()` it may be read inside a recorded step: whoever asks must not let the answer shape the step."""
    check_numbers("number", a, i)
    return (<double *>ptr(a))[i] if a.code == FLOAT64 else (<long long *>ptr(a))[i]


def set_number(Array a not None, value, isize i=0):
    """Set one value of such an array; what replays reads the new one."""
    check_numbers("set_number", a, i)
    if a.code == FLOAT64:
        (<double *>ptr(a))[i] = value
    else:
        (<long long *>ptr(a))[i] = value


cdef const pydl_kernel_row *SGD = kernel("sgd_update")
cdef const pydl_kernel_row *MOMENTUM = kernel("momentum_update")
cdef const pydl_kernel_row *NESTEROV = kernel("nesterov_update")
cdef const pydl_kernel_row *AVERAGED_MOMENTUM = kernel("averaged_momentum_update")
cdef const pydl_kernel_row *AVERAGED_NESTEROV = kernel("averaged_nesterov_update")
cdef const pydl_kernel_row *RMSPROP = kernel("rmsprop_update")
cdef const pydl_kernel_row *RMSPROP_MOMENTUM = kernel("rmsprop_momentum_update")
cdef const pydl_kernel_row *RMSPROP_CENTERED = kernel("rmsprop_centered_update")
cdef const pydl_kernel_row *RMSPROP_CENTERED_MOMENTUM = kernel("rmsprop_centered_momentum_update")
cdef const pydl_kernel_row *ADAM = kernel("adam_update")
cdef const pydl_kernel_row *AMSGRAD = kernel("amsgrad_update")
cdef const pydl_kernel_row *ADAMAX = kernel("adamax_update")
cdef const pydl_kernel_row *NADAM = kernel("nadam_update")
cdef const pydl_kernel_row *ADAGRAD = kernel("adagrad_update")
cdef const pydl_kernel_row *ADADELTA = kernel("adadelta_update")
cdef const pydl_kernel_row *LION = kernel("lion_update")

def sgd_update(list entries not None, Array hyper, Array g_scale, Array iterations, isize advance, Array gate=None, isize every=1):
    """w -= rate * g."""
    update(SGD, entries, 0, hyper, sizeof(pydl_sgd_hyper), g_scale, iterations, advance, gate, every, 3)

def momentum_update(list entries not None, Array hyper, Array g_scale, Array iterations, isize advance, Array gate=None, isize every=1):
    """s0 = momentum * s0 - rate * g;  w += s0."""
    update(MOMENTUM, entries, 1, hyper, sizeof(pydl_sgd_hyper), g_scale, iterations, advance, gate, every, 5)

def nesterov_update(list entries not None, Array hyper, Array g_scale, Array iterations, isize advance, Array gate=None, isize every=1):
    """s0 as momentum_update;  w += momentum * s0 - rate * g."""
    update(NESTEROV, entries, 1, hyper, sizeof(pydl_sgd_hyper), g_scale, iterations, advance, gate, every, 6)

def averaged_momentum_update(list entries not None, Array hyper, Array g_scale, Array iterations, isize advance, Array gate=None, isize every=1):
    """s0 = momentum * s0 + (1 - momentum) * g;  w -= rate * s0."""
    update(AVERAGED_MOMENTUM, entries, 1, hyper, sizeof(pydl_sgd_hyper), g_scale, iterations, advance, gate, every, 5)

def averaged_nesterov_update(list entries not None, Array hyper, Array g_scale, Array iterations, isize advance, Array gate=None, isize every=1):
    """s0 as averaged_momentum_update;  w -= rate * (momentum * s0 + (1 - momentum) * g)."""
    update(AVERAGED_NESTEROV, entries, 1, hyper, sizeof(pydl_sgd_hyper), g_scale, iterations, advance, gate, every, 7)

def rmsprop_update(list entries not None, Array hyper, Array g_scale, Array iterations, isize advance, Array gate=None, isize every=1):
    """s0 = rho * s0 + (1 - rho) * g^2;  w -= rate * g / sqrt(s0 + epsilon)."""
    update(RMSPROP, entries, 1, hyper, sizeof(pydl_rmsprop_hyper), g_scale, iterations, advance, gate, every, 8)

def rmsprop_momentum_update(list entries not None, Array hyper, Array g_scale, Array iterations, isize advance, Array gate=None, isize every=1):
    """s1 = momentum * s1 + rate * g / sqrt(s0 + epsilon);  w -= s1."""
    update(RMSPROP_MOMENTUM, entries, 2, hyper, sizeof(pydl_rmsprop_hyper), g_scale, iterations, advance, gate, every, 9)

def rmsprop_centered_update(list entries not None, Array hyper, Array g_scale, Array iterations, isize advance, Array gate=None, isize every=1):
    """w -= rate * g / sqrt(s0 - s1^2 + epsilon), s1 the running mean of g."""
    update(RMSPROP_CENTERED, entries, 2, hyper, sizeof(pydl_rmsprop_hyper), g_scale, iterations, advance, gate, every, 12)

def rmsprop_centered_momentum_update(list entries not None, Array hyper, Array g_scale, Array iterations, isize advance, Array gate=None, isize every=1):
    """s1 = momentum * s1 + rate * g / sqrt(s0 - s2^2 + epsilon);  w -= s1."""
    update(RMSPROP_CENTERED_MOMENTUM, entries, 3, hyper, sizeof(pydl_rmsprop_hyper), g_scale, iterations, advance, gate, every, 13)

def adam_update(list entries not None, Array hyper, Array g_scale, Array iterations, isize advance, Array gate=None, isize every=1):
    """w -= rate * correction(t) * s0 / (sqrt(s1) + epsilon)."""
    update(ADAM, entries, 2, hyper, sizeof(pydl_adam_hyper), g_scale, iterations, advance, gate, every, 11)

def amsgrad_update(list entries not None, Array hyper, Array g_scale, Array iterations, isize advance, Array gate=None, isize every=1):
    """adam_update with the largest s1 so far, s2, under the root."""
    update(AMSGRAD, entries, 3, hyper, sizeof(pydl_adam_hyper), g_scale, iterations, advance, gate, every, 12)

def adamax_update(list entries not None, Array hyper, Array g_scale, Array iterations, isize advance, Array gate=None, isize every=1):
    """w -= rate / (1 - beta_1^t) * s0 / (max(beta_2 * s1, |g|) + epsilon)."""
    update(ADAMAX, entries, 2, hyper, sizeof(pydl_adam_hyper), g_scale, iterations, advance, gate, every, 9)

def nadam_update(list entries not None, Array hyper, Array g_scale, Array iterations, isize advance, Array gate=None, isize every=1):
    """adam_update with Nesterov's look-ahead."""
    update(NADAM, entries, 2, hyper, sizeof(pydl_nadam_hyper), g_scale, iterations, advance, gate, every, 14)

def adagrad_update(list entries not None, Array hyper, Array g_scale, Array iterations, isize advance, Array gate=None, isize every=1):
    """s0 += g^2;  w -= rate * g / sqrt(s0 + epsilon)."""
    update(ADAGRAD, entries, 1, hyper, sizeof(pydl_adagrad_hyper), g_scale, iterations, advance, gate, every, 6)

def adadelta_update(list entries not None, Array hyper, Array g_scale, Array iterations, isize advance, Array gate=None, isize every=1):
    """w -= rate * sqrt(s1 + epsilon) / sqrt(s0 + epsilon) * g."""
    update(ADADELTA, entries, 2, hyper, sizeof(pydl_adadelta_hyper), g_scale, iterations, advance, gate, every, 12)

def lion_update(list entries not None, Array hyper, Array g_scale, Array iterations, isize advance, Array gate=None, isize every=1):
    """w -= rate * sign(beta_1 * s0 + (1 - beta_1) * g)."""
    update(LION, entries, 1, hyper, sizeof(pydl_lion_hyper), g_scale, iterations, advance, gate, every, 9)
