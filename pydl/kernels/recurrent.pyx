"""Boundary of the recurrent kernels.  Shapes as in csrc/recurrent.h; None stands for what is absent or not wanted.  ids: int32 or int64."""
from libc.stdint cimport uint8_t
from libc.string cimport memset

from pydl.kernels._common cimport Array, DType, Prepared, aside, expect, index_size, isize, kernel, launch, prepare, ptr, pydl_kernel_row

cdef extern from "recurrent.h":
    enum:
        RECURRENT_TANH, RECURRENT_LSTM, RECURRENT_GRU, RECURRENT_GRU_BEFORE, RECURRENT_GRU_SIMPLE
        RECURRENT_SHARED_ROWS
    isize pydl_recurrent_width_f32(isize units)
    isize pydl_recurrent_width_f64(isize units)
    ctypedef struct pydl_recurrent_forward_args_f32:
        void *scratch
        const float *x
        const float *kernel
        const float *recurrent
        const float *bias
        const float *peephole
        const float *h0
        const float *c0
        const float *drop
        const uint8_t *mask
        const void *ids
        isize id_size, vocab
        const float *prepared
        isize n, t, d_in, units, cell, backwards
        float *gates
        float *cells
        float *y
        float *h
        float *c
    ctypedef struct pydl_recurrent_prepare_args_f32:
        const float *kernel
        const float *recurrent
        const float *bias
        const float *peephole
        isize n, d_in, units, cell
        float *prepared
    ctypedef struct pydl_recurrent_prepared_size_args_f32:
        pydl_recurrent_prepare_args_f32 of
        isize *size
    ctypedef struct pydl_recurrent_backward_args_f32:
        void *scratch
        const float *x
        const float *kernel
        const float *recurrent
        const float *peephole
        const float *h0
        const float *c0
        const float *drop
        const uint8_t *mask
        const float *y
        const float *dy
        const float *dh
        const float *dc
        const void *ids
        isize id_size, vocab
        isize n, t, d_in, units, cell, backwards
        float *gates
        float *cells
        float *dx
        float *dkernel
        float *drecurrent
        float *dbias
        float *dpeephole
        float *dh0
        float *dc0

cdef const pydl_kernel_row *RECURRENT_FORWARD = kernel("recurrent_forward")
cdef const pydl_kernel_row *RECURRENT_PREPARE = kernel("recurrent_prepare")
cdef const pydl_kernel_row *RECURRENT_PREPARED_SIZE = kernel("recurrent_prepared_size")
cdef const pydl_kernel_row *RECURRENT_BACKWARD = kernel("recurrent_backward")

cdef dict CELLS = {"tanh": RECURRENT_TANH, "lstm": RECURRENT_LSTM, "gru": RECURRENT_GRU, "gru_before": RECURRENT_GRU_BEFORE,
                   "gru_simple": RECURRENT_GRU_SIMPLE}
cdef dict GATES = {"tanh": 1, "lstm": 4, "gru": 3, "gru_before": 3, "gru_simple": 2}
cdef tuple WITH_CELLS = ("lstm", "gru")


def recurrent_width(isize units, Array x not None):
    """How many units gates and cells have room for: whole panels of the dtype of x."""
    return pydl_recurrent_width_f32(units) if x.code == 0 else pydl_recurrent_width_f64(units)


cdef void *maybe(str who, str name, Array a, int code, tuple shape) except? NULL:
    """The pointer of an array of that dtype and shape; NULL for None."""
    if a is None:
        return NULL
    expect(who, name, a, code, shape)
    return ptr(a)


cdef isize bytes_of(Array a):
    return 0 if a is None else a.nbytes


cdef tuple sizes(str who, str cell, Array ids, Array x, Array kernel, Array recurrent):
    """(n, t, d_in, units, gates), from x (n, t, d_in), kernel (d_in, gates * units) and recurrent (units, gates * units), or, without kernel, from
    ids (n, t) and x (vocab, gates * units); d_in is 0 then."""
    if cell not in GATES:
        raise ValueError(f"{who}: cell must be one of {tuple(GATES)}, got {cell!r}")
    if (ids is None) == (kernel is None):
        raise ValueError(f"{who}: x goes through a kernel, or its rows are chosen by ids: one of the two must be given")
    if x.code > 1 or x.ndim != (3 if ids is None else 2) or recurrent.ndim != 2:
        raise ValueError(f"{who}: x must be floating with {3 if ids is None else 2} axes, recurrent with 2, got {x.shape} and {recurrent.shape}")
    gates, units = GATES[cell], recurrent.shape[0]
    if units < 1:
        raise ValueError(f"{who}: recurrent must have at least one row, got shape {recurrent.shape}")
    expect(who, "recurrent", recurrent, x.code, (units, gates * units))
    if ids is None:
        return (*x.shape, units, gates)
    if ids.ndim != 2:
        raise ValueError(f"{who}: ids must have 2 axes, got {ids.shape}")
    expect(who, "x", x, x.code, (x.shape[0], gates * units))
    return (*ids.shape, 0, units, gates)


cdef tuple bias_shape(str who, str cell, Array ids, Array bias, object width):
    """The shape of a bias: a second row, or the only one beside ids, is what the GRU adds to the candidate's product with the state."""
    if ids is not None and bias is not None and cell != "gru":
        raise ValueError(f"{who}: beside ids only 'gru' has a bias; that of the others is part of x")
    return (2, width) if cell == "gru" and ids is None else (width,)


cdef Prepared kept_weights(pydl_recurrent_forward_args_f32 *f, Array kernel, Array recurrent, Array bias, Array peephole):
    """The weights in the form of calls like this one."""
    cdef pydl_recurrent_prepared_size_args_f32 ask
    cdef pydl_recurrent_prepare_args_f32 *a = &ask.of
    cdef isize size = 0
    memset(&ask, 0, sizeof(ask))
    for name, array in (("kernel", kernel), ("recurrent", recurrent), ("bias", bias), ("peephole", peephole)):
        if array is not None and not (<Array>array).weight:
            raise ValueError(f"recurrent_forward: {name} must be a Parameter's, whose changes are counted")
    a.kernel = f.kernel; a.recurrent = f.recurrent; a.bias = f.bias; a.peephole = f.peephole
    a.n = f.n; a.d_in = f.d_in; a.units = f.units; a.cell = f.cell
    ask.size = &size
    aside(RECURRENT_PREPARED_SIZE, recurrent, &ask)
    sources = tuple([array for array in (kernel, bias, peephole) if array is not None])
    return prepare(recurrent, ("recurrent", f.cell, f.n < RECURRENT_SHARED_ROWS, kernel is None, tuple([id(array) for array in sources])), RECURRENT_PREPARE,
                   a, sizeof(a[0]), size, <char *>&a.prepared - <char *>a, sources)


def recurrent_forward(str cell, bint backwards, Array ids, Array x not None, Array kernel, Array recurrent not None, Array bias, Array peephole, Array h0,
                      Array c0, Array drop, Array mask, Array gates, Array cells, Array y not None, Array h not None, Array c,
                      bint keep=False):
    """All steps of a cell ("tanh", "lstm", "gru", "gru_before", "gru_simple") over x.  Without gates nothing is kept for backward.

    keep: the weights are Parameters'; what is made of them is kept until one changes.
    """
    cdef pydl_recurrent_forward_args_f32 a
    cdef str who = "recurrent_forward"
    memset(&a, 0, sizeof(a))
    n, t, d_in, units, count = sizes(who, cell, ids, x, kernel, recurrent)
    expect(who, "y", y, x.code, (n, t, units))
    expect(who, "h", h, x.code, (n, units))
    if (cells is not None) != (gates is not None and cell in WITH_CELLS) or (c is None) != (cell != "lstm"):
        raise ValueError(f"{who}: cells go with the gates of {WITH_CELLS}, c with 'lstm'")
    if cell != "lstm" and not (c0 is None and peephole is None):
        raise ValueError(f"{who}: c0 and peephole go with 'lstm'")
    a.x = <const float *>ptr(x); a.recurrent = <const float *>ptr(recurrent)
    a.kernel = <const float *>maybe(who, "kernel", kernel, x.code, (d_in, count * units))
    a.bias = <const float *>maybe(who, "bias", bias, x.code, bias_shape(who, cell, ids, bias, count * units))
    a.peephole = <const float *>maybe(who, "peephole", peephole, x.code, (3, units))
    a.h0 = <const float *>maybe(who, "h0", h0, x.code, (n, units))
    a.c0 = <const float *>maybe(who, "c0", c0, x.code, (n, units))
    a.drop = <const float *>maybe(who, "drop", drop, x.code, (n, units))
    a.mask = <const uint8_t *>maybe(who, "mask", mask, DType.BOOL, (n, t))
    a.n = n; a.t = t; a.d_in = d_in; a.units = units; a.cell = CELLS[cell]; a.backwards = backwards
    if ids is not None:
        a.ids = ptr(ids); a.id_size = index_size(who, "ids", ids); a.vocab = x.shape[0]
    a.gates = <float *>maybe(who, "gates", gates, x.code, (n, t, count * recurrent_width(units, x)))
    a.y = <float *>ptr(y); a.h = <float *>ptr(h)
    a.cells = <float *>maybe(who, "cells", cells, x.code, (n, t, recurrent_width(units, x)))
    a.c = <float *>maybe(who, "c", c, x.code, (n, units))
    if keep:
        a.prepared = <const float *>ptr(kept_weights(&a, kernel, recurrent, bias, peephole).array)
    launch(RECURRENT_FORWARD, x, &a, sizeof(a), y, 2.0 * n * t * (d_in + units) * count * units,
           x.nbytes + bytes_of(kernel) + recurrent.nbytes + y.nbytes + bytes_of(gates))


def recurrent_backward(str cell, bint backwards, Array ids, Array x not None, Array kernel, Array recurrent not None, Array peephole, Array h0, Array c0,
                       Array drop, Array mask, Array y not None, Array dy, Array dh, Array dc, Array gates not None, Array cells,
                       Array dx, Array dkernel, Array drecurrent, Array dbias, Array dpeephole, Array dh0, Array dc0):
    """The gradients of a whole sequence.  Uses up gates and cells."""
    cdef pydl_recurrent_backward_args_f32 a
    cdef str who = "recurrent_backward"
    memset(&a, 0, sizeof(a))
    n, t, d_in, units, count = sizes(who, cell, ids, x, kernel, recurrent)
    expect(who, "y", y, x.code, (n, t, units))
    expect(who, "gates", gates, x.code, (n, t, count * recurrent_width(units, x)))
    if (cells is not None) != (cell in WITH_CELLS):
        raise ValueError(f"{who}: cells go with {WITH_CELLS}")
    if cell != "lstm" and not (c0 is None and dc is None and dc0 is None and peephole is None and dpeephole is None):
        raise ValueError(f"{who}: c0, dc, dc0, peephole and dpeephole go with 'lstm'")
    a.x = <const float *>ptr(x); a.recurrent = <const float *>ptr(recurrent)
    a.kernel = <const float *>maybe(who, "kernel", kernel, x.code, (d_in, count * units))
    a.peephole = <const float *>maybe(who, "peephole", peephole, x.code, (3, units))
    a.h0 = <const float *>maybe(who, "h0", h0, x.code, (n, units))
    a.c0 = <const float *>maybe(who, "c0", c0, x.code, (n, units))
    a.drop = <const float *>maybe(who, "drop", drop, x.code, (n, units))
    a.mask = <const uint8_t *>maybe(who, "mask", mask, DType.BOOL, (n, t))
    a.y = <const float *>ptr(y)
    a.dy = <const float *>maybe(who, "dy", dy, x.code, (n, t, units))
    a.dh = <const float *>maybe(who, "dh", dh, x.code, (n, units))
    a.dc = <const float *>maybe(who, "dc", dc, x.code, (n, units))
    a.n = n; a.t = t; a.d_in = d_in; a.units = units; a.cell = CELLS[cell]; a.backwards = backwards
    if ids is not None:
        a.ids = ptr(ids); a.id_size = index_size(who, "ids", ids); a.vocab = x.shape[0]
    a.gates = <float *>ptr(gates)
    a.cells = <float *>maybe(who, "cells", cells, x.code, (n, t, recurrent_width(units, x)))
    a.dx = <float *>maybe(who, "dx", dx, x.code, x.shape)
    a.dkernel = <float *>maybe(who, "dkernel", dkernel, x.code, (d_in, count * units))
    a.drecurrent = <float *>maybe(who, "drecurrent", drecurrent, x.code, recurrent.shape)
    a.dbias = <float *>maybe(who, "dbias", dbias, x.code, bias_shape(who, cell, ids, dbias, count * units))
    a.dpeephole = <float *>maybe(who, "dpeephole", dpeephole, x.code, (3, units))
    a.dh0 = <float *>maybe(who, "dh0", dh0, x.code, (n, units))
    a.dc0 = <float *>maybe(who, "dc0", dc0, x.code, (n, units))
    launch(RECURRENT_BACKWARD, x, &a, sizeof(a), dx if dx is not None else gates, 4.0 * n * t * (d_in + units) * count * units,
           x.nbytes + bytes_of(kernel) + recurrent.nbytes + 2 * gates.nbytes + y.nbytes)
