"""Boundary of the kernel that measures the machine."""
from pydl.kernels._common cimport Array, FLOAT64, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "machine.h":
    ctypedef struct pydl_multiply_add_peak_args_f32:
        isize rounds
        float *total
        double *flops

cdef const pydl_kernel_row *MULTIPLY_ADD_PEAK = kernel("multiply_add_peak")


def multiply_add_peak(isize rounds, Array total not None, Array flops not None):
    """rounds multiply-adds in every accumulator of every thread; total = rounds, flops = operations done."""
    cdef pydl_multiply_add_peak_args_f32 a
    cdef str who = "multiply_add_peak"
    if rounds < 0:
        raise ValueError(f"{who}: rounds must not be negative, got {rounds}")
    expect(who, "total", total, total.code, ())
    expect(who, "flops", flops, FLOAT64, ())
    a.rounds = rounds; a.total = <float *>ptr(total); a.flops = <double *>ptr(flops)
    launch(MULTIPLY_ADD_PEAK, total, &a, sizeof(a), total, 0, 0)
