"""Boundary of the learning rate kernels.  iterations: int64, one number;  rate: float64, its first number is overwritten."""
from pydl.kernels._common cimport Array, FLOAT64, INT64, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "schedule.h":
    ctypedef struct pydl_exponential_rate_args:
        const void *iterations
        double initial
        double decay_steps
        double decay_rate
        isize staircase
        double *rate
    ctypedef struct pydl_polynomial_rate_args:
        const void *iterations
        double initial
        double decay_steps
        double end
        double power
        isize cycle
        double *rate
    ctypedef struct pydl_piecewise_rate_args:
        const void *iterations
        const double *boundaries
        const double *values
        isize n
        double *rate
    ctypedef struct pydl_cosine_rate_args:
        const void *iterations
        double initial
        double target
        double warmup_steps
        double decay_steps
        double alpha
        double *rate
    ctypedef struct pydl_cosine_restarts_rate_args:
        const void *iterations
        double initial
        double first_steps
        double t_mul
        double m_mul
        double alpha
        double *rate
    ctypedef struct pydl_inverse_root_rate_args:
        const void *iterations
        double scale
        double warmup_steps
        double *rate

cdef const pydl_kernel_row *EXPONENTIAL_RATE = kernel("exponential_rate")
cdef const pydl_kernel_row *INVERSE_TIME_RATE = kernel("inverse_time_rate")
cdef const pydl_kernel_row *ROOT_RATE = kernel("root_rate")
cdef const pydl_kernel_row *POLYNOMIAL_RATE = kernel("polynomial_rate")
cdef const pydl_kernel_row *PIECEWISE_RATE = kernel("piecewise_rate")
cdef const pydl_kernel_row *COSINE_RATE = kernel("cosine_rate")
cdef const pydl_kernel_row *COSINE_RESTARTS_RATE = kernel("cosine_restarts_rate")
cdef const pydl_kernel_row *INVERSE_ROOT_RATE = kernel("inverse_root_rate")


cdef int check(str who, Array iterations, Array rate) except -1:
    expect(who, "iterations", iterations, INT64, (1,))
    if rate is None or rate.size < 1:
        raise ValueError(f"{who}: rate must hold a number")
    return expect(who, "rate", rate, FLOAT64, rate.shape)


cdef int exponential(const pydl_kernel_row *row, Array iterations, double initial, double decay_steps, double decay_rate, bint staircase, Array rate) except -1:
    cdef pydl_exponential_rate_args a
    check(row.name.decode(), iterations, rate)
    a.iterations = ptr(iterations); a.initial = initial; a.decay_steps = decay_steps; a.decay_rate = decay_rate; a.staircase = staircase
    a.rate = <double *>ptr(rate)
    return launch(row, None, &a, sizeof(a), rate, 1, 16)


def exponential_rate(Array iterations, double initial, double decay_steps, double decay_rate, bint staircase, Array rate):
    """rate = initial * decay_rate^(t / decay_steps)."""
    exponential(EXPONENTIAL_RATE, iterations, initial, decay_steps, decay_rate, staircase, rate)


def inverse_time_rate(Array iterations, double initial, double decay_steps, double decay_rate, bint staircase, Array rate):
    """rate = initial / (1 + decay_rate * t / decay_steps)."""
    exponential(INVERSE_TIME_RATE, iterations, initial, decay_steps, decay_rate, staircase, rate)


def root_rate(Array iterations, double initial, double decay_steps, double decay_rate, bint staircase, Array rate):
    """rate = initial / sqrt(1 + decay_rate * t / decay_steps)."""
    exponential(ROOT_RATE, iterations, initial, decay_steps, decay_rate, staircase, rate)


def polynomial_rate(Array iterations, double initial, double decay_steps, double end, double power, bint cycle, Array rate):
    """rate = (initial - end) * (1 - t / decay_steps)^power + end."""
    cdef pydl_polynomial_rate_args a
    check("polynomial_rate", iterations, rate)
    a.iterations = ptr(iterations); a.initial = initial; a.decay_steps = decay_steps; a.end = end; a.power = power; a.cycle = cycle
    a.rate = <double *>ptr(rate)
    launch(POLYNOMIAL_RATE, None, &a, sizeof(a), rate, 1, 16)


def piecewise_rate(Array iterations, Array boundaries, Array values, Array rate):
    """rate = values[k] for the first k with t <= boundaries[k]."""
    cdef pydl_piecewise_rate_args a
    check("piecewise_rate", iterations, rate)
    expect("piecewise_rate", "boundaries", boundaries, FLOAT64, boundaries.shape if boundaries is not None and boundaries.ndim == 1 else (0,))
    expect("piecewise_rate", "values", values, FLOAT64, (boundaries.size + 1,))
    a.iterations = ptr(iterations); a.boundaries = <const double *>ptr(boundaries); a.values = <const double *>ptr(values); a.n = boundaries.size
    a.rate = <double *>ptr(rate)
    launch(PIECEWISE_RATE, None, &a, sizeof(a), rate, 1, 16)


def cosine_rate(Array iterations, double initial, double target, double warmup_steps, double decay_steps, double alpha, Array rate):
    """A straight warm-up from initial to target, then half a cosine down to target * alpha."""
    cdef pydl_cosine_rate_args a
    check("cosine_rate", iterations, rate)
    a.iterations = ptr(iterations); a.initial = initial; a.target = target; a.warmup_steps = warmup_steps; a.decay_steps = decay_steps
    a.alpha = alpha; a.rate = <double *>ptr(rate)
    launch(COSINE_RATE, None, &a, sizeof(a), rate, 1, 16)


def cosine_restarts_rate(Array iterations, double initial, double first_steps, double t_mul, double m_mul, double alpha, Array rate):
    """Half cosines of first_steps * t_mul^k steps, m_mul^k high."""
    cdef pydl_cosine_restarts_rate_args a
    check("cosine_restarts_rate", iterations, rate)
    a.iterations = ptr(iterations); a.initial = initial; a.first_steps = first_steps; a.t_mul = t_mul; a.m_mul = m_mul
    a.alpha = alpha; a.rate = <double *>ptr(rate)
    launch(COSINE_RESTARTS_RATE, None, &a, sizeof(a), rate, 1, 16)


def inverse_root_rate(Array iterations, double scale, double warmup_steps, Array rate):
    """rate = scale * min((t + 1)^-0.5, (t + 1) * warmup_steps^-1.5)."""
    cdef pydl_inverse_root_rate_args a
    check("inverse_root_rate", iterations, rate)
    a.iterations = ptr(iterations); a.scale = scale; a.warmup_steps = warmup_steps; a.rate = <double *>ptr(rate)
    launch(INVERSE_ROOT_RATE, None, &a, sizeof(a), rate, 1, 16)
