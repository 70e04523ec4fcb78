"""Boundary of the recurrent kernels.  Shapes as in csrc/recurrent.h; None stands for what is absent or not wanted."""
from libc.stdint cimport uint8_t
from libc.string cimport memset

from pydl.kernels._common cimport Array, DType, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "recurrent.h":
    enum:
        RECURRENT_TANH, RECURRENT_LSTM, RECURRENT_GRU, RECURRENT_GRU_BEFORE, RECURRENT_GRU_SIMPLE
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
        isize n, t, d_in, units, cell, backwards
        float *gates
        float *cells
        float *y
        float *h
        float *c
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
cdef const pydl_kernel_row *RECURRENT_BACKWARD = kernel("recurrent_backward")

cdef dict CELLS = {"tanh": RECURRENT_TANH, "lstm": RECURRENT_LSTM, "gru": RECURRENT_GRU, "gru_before": RECURRENT_GRU_BEFORE,
                   "gru_simple": RECURRENT_GRU_SIMPLE}
cdef dict GATES = {"tanh": 1, "lstm": 4, "gru": 3, "gru_before": 3, "gru_simple": 2}
cdef tuple WITH_CELLS = ("lstm", "gru", "gru_before")


cdef void *maybe(str who, str name, Array a, int code, tuple shape) except? NULL:
    """The pointer of an array of that dtype and shape; NULL for None."""
    if a is None:
        return NULL
    expect(who, name, a, code, shape)
    return ptr(a)


cdef tuple sizes(str who, str cell, Array x, Array kernel, Array recurrent):
    """(n, t, d_in, units, gates), from x (n, t, d_in), kernel (d_in, gates * units) and recurrent (units, gates * units)."""
    if cell not in GATES:
        raise ValueError(f"{who}: cell must be one of {tuple(GATES)}, got {cell!r}")
    if x.code > 1 or x.ndim != 3 or kernel.ndim != 2 or recurrent.ndim != 2:
        raise ValueError(f"{who}: x must be floating with 3 axes, kernel and recurrent with 2, got {x.shape}, {kernel.shape}, {recurrent.shape}")
    gates, units = GATES[cell], recurrent.shape[0]
    if units < 1:
        raise ValueError(f"{who}: recurrent must have at least one row, got shape {recurrent.shape}")
    expect(who, "kernel", kernel, x.code, (x.shape[2], gates * units))
    expect(who, "recurrent", recurrent, x.code, (units, gates * units))
    return (*x.shape, units, gates)


def recurrent_forward(str cell, bint backwards, Array x not None, Array kernel not None, Array recurrent not None, Array bias, Array peephole, Array h0,
                      Array c0, Array drop, Array mask, Array gates, Array cells, Array y not None, Array h not None, Array c):
    """All steps of a cell ("tanh", "lstm", "gru", "gru_before", "gru_simple") over x.  Without gates nothing is kept for backward."""
    cdef pydl_recurrent_forward_args_f32 a
    cdef str who = "recurrent_forward"
    memset(&a, 0, sizeof(a))
    n, t, d_in, units, count = sizes(who, cell, x, kernel, recurrent)
    expect(who, "y", y, x.code, (n, t, units))
    expect(who, "h", h, x.code, (n, units))
    if (cells is not None) != (gates is not None and cell in WITH_CELLS) or (c is None) != (cell != "lstm"):
        raise ValueError(f"{who}: cells go with the gates of {WITH_CELLS}, c with 'lstm'")
    if cell != "lstm" and not (c0 is None and peephole is None):
        raise ValueError(f"{who}: c0 and peephole go with 'lstm'")
    a.x = <const float *>ptr(x); a.kernel = <const float *>ptr(kernel); a.recurrent = <const float *>ptr(recurrent)
    a.bias = <const float *>maybe(who, "bias", bias, x.code, (2, count * units) if cell == "gru" else (count * units,))
    a.peephole = <const float *>maybe(who, "peephole", peephole, x.code, (3, units))
    a.h0 = <const float *>maybe(who, "h0", h0, x.code, (n, units))
    a.c0 = <const float *>maybe(who, "c0", c0, x.code, (n, units))
    a.drop = <const float *>maybe(who, "drop", drop, x.code, (n, units))
    a.mask = <const uint8_t *>maybe(who, "mask", mask, DType.BOOL, (n, t))
    a.n = n; a.t = t; a.d_in = d_in; a.units = units; a.cell = CELLS[cell]; a.backwards = backwards
    a.gates = <float *>maybe(who, "gates", gates, x.code, (n, t, count * units))
    a.y = <float *>ptr(y); a.h = <float *>ptr(h)
    a.cells = <float *>maybe(who, "cells", cells, x.code, (n, t, units))
    a.c = <float *>maybe(who, "c", c, x.code, (n, units))
    launch(RECURRENT_FORWARD, x, &a, sizeof(a), y, 2.0 * n * t * (d_in + units) * count * units,
           x.nbytes + kernel.nbytes + recurrent.nbytes + y.nbytes + (gates.nbytes if gates is not None else 0))


def recurrent_backward(str cell, bint backwards, Array x not None, Array kernel not None, Array recurrent not None, Array peephole, Array h0, Array c0,
                       Array drop, Array mask, Array y not None, Array dy, Array dh, Array dc, Array gates not None, Array cells,
                       Array dx, Array dkernel, Array drecurrent, Array dbias, Array dpeephole, Array dh0, Array dc0):
    """The gradients of a whole sequence.  Uses up gates and cells."""
    cdef pydl_recurrent_backward_args_f32 a
    cdef str who = "recurrent_backward"
    memset(&a, 0, sizeof(a))
    n, t, d_in, units, count = sizes(who, cell, x, kernel, recurrent)
    expect(who, "y", y, x.code, (n, t, units))
    expect(who, "gates", gates, x.code, (n, t, count * units))
    if (cells is not None) != (cell in WITH_CELLS):
        raise ValueError(f"{who}: cells go with {WITH_CELLS}")
    if cell != "lstm" and not (c0 is None and dc is None and dc0 is None and peephole is None and dpeephole is None):
        raise ValueError(f"{who}: c0, dc, dc0, peephole and dpeephole go with 'lstm'")
    a.x = <const float *>ptr(x); a.kernel = <const float *>ptr(kernel); a.recurrent = <const float *>ptr(recurrent)
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
    a.gates = <float *>ptr(gates)
    a.cells = <float *>maybe(who, "cells", cells, x.code, (n, t, units))
    a.dx = <float *>maybe(who, "dx", dx, x.code, x.shape)
    a.dkernel = <float *>maybe(who, "dkernel", dkernel, x.code, kernel.shape)
    a.drecurrent = <float *>maybe(who, "drecurrent", drecurrent, x.code, recurrent.shape)
    a.dbias = <float *>maybe(who, "dbias", dbias, x.code, (2, count * units) if cell == "gru" else (count * units,))
    a.dpeephole = <float *>maybe(who, "dpeephole", dpeephole, x.code, (3, units))
    a.dh0 = <float *>maybe(who, "dh0", dh0, x.code, (n, units))
    a.dc0 = <float *>maybe(who, "dc0", dc0, x.code, (n, units))
    launch(RECURRENT_BACKWARD, x, &a, sizeof(a), dx if dx is not None else gates, 4.0 * n * t * (d_in + units) * count * units,
           x.nbytes + kernel.nbytes + recurrent.nbytes + 2 * gates.nbytes + y.nbytes)
