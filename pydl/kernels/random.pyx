"""Boundary of the random number kernels.  Every number is a function of (seed, counter's value, position)."""
from libc.stdint cimport int64_t, uint32_t, uint64_t

from pydl.kernels._common cimport Array, DType, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "random.h":
    ctypedef struct counter_advance_args "pydl_counter_advance_args":
        uint64_t *counter
    ctypedef struct random_integers_args "pydl_random_integers_args":
        uint64_t seed
        const uint64_t *counter
        int64_t low
        uint64_t span
        isize n
        int64_t *y
    ctypedef struct random_permutation_args "pydl_random_permutation_args":
        uint64_t seed
        const uint64_t *counter
        isize n
        int64_t *y
    ctypedef struct random_words_args "pydl_random_words_args":
        uint64_t seed
        const uint64_t *counter
        isize n
        uint32_t *y
    ctypedef struct pydl_random_uniform_args_f32:
        uint64_t seed
        const uint64_t *counter
        double low, high
        isize n
        float *y
    ctypedef struct pydl_random_normal_args_f32:
        uint64_t seed
        const uint64_t *counter
        double mean, stddev
        isize n
        float *y
    ctypedef struct pydl_random_truncated_normal_args_f32:
        uint64_t seed
        const uint64_t *counter
        double mean, stddev
        isize n
        float *y

cdef const pydl_kernel_row *COUNTER_ADVANCE = kernel("counter_advance")
cdef const pydl_kernel_row *RANDOM_INTEGERS = kernel("random_integers")
cdef const pydl_kernel_row *RANDOM_PERMUTATION = kernel("random_permutation")
cdef const pydl_kernel_row *RANDOM_WORDS = kernel("random_words")
cdef const pydl_kernel_row *RANDOM_UNIFORM = kernel("random_uniform")
cdef const pydl_kernel_row *RANDOM_NORMAL = kernel("random_normal")
cdef const pydl_kernel_row *RANDOM_TRUNCATED_NORMAL = kernel("random_truncated_normal")


cdef uint64_t *stream(str who, Array counter) except NULL:
    expect(who, "counter", counter, DType.UINT64, (1,))
    return <uint64_t *>ptr(counter)


cdef int floating(str who, Array y) except -1:
    if y.code > DType.FLOAT64:
        raise TypeError(f"{who}: y must be float32 or float64, got {y.dtype}")
    return 0


def counter_advance(Array counter not None):
    """counter += 1."""
    cdef counter_advance_args a
    a.counter = stream("counter_advance", counter)
    launch(COUNTER_ADVANCE, None, &a, sizeof(a), counter, 1, 8)


def random_integers(uint64_t seed, Array counter not None, int64_t low, int64_t high, Array y not None):
    """Integers in low <= y < high, int64."""
    cdef random_integers_args a
    expect("random_integers", "y", y, DType.INT64, y.shape)
    if high <= low:
        raise ValueError(f"random_integers: low must be below high, got {low} and {high}")
    a.seed = seed; a.counter = stream("random_integers", counter); a.low = low; a.span = <uint64_t>high - <uint64_t>low
    a.n = y.size; a.y = <int64_t *>ptr(y)
    launch(RANDOM_INTEGERS, None, &a, sizeof(a), y, y.size, y.nbytes)


def random_permutation(uint64_t seed, Array counter not None, Array y not None):
    """A permutation of 0 .. n - 1, int64."""
    cdef random_permutation_args a
    expect("random_permutation", "y", y, DType.INT64, y.shape)
    a.seed = seed; a.counter = stream("random_permutation", counter); a.n = y.size; a.y = <int64_t *>ptr(y)
    launch(RANDOM_PERMUTATION, None, &a, sizeof(a), y, y.size, y.nbytes)


def random_words(uint64_t seed, Array counter not None, Array y not None):
    """The generator's words as they come, two in each uint64 of y."""
    cdef random_words_args a
    expect("random_words", "y", y, DType.UINT64, y.shape)
    a.seed = seed; a.counter = stream("random_words", counter); a.n = 2 * y.size; a.y = <uint32_t *>ptr(y)
    launch(RANDOM_WORDS, None, &a, sizeof(a), y, y.size, y.nbytes)


def random_uniform(uint64_t seed, Array counter not None, double low, double high, Array y not None):
    """Uniform numbers in low <= y < high."""
    cdef pydl_random_uniform_args_f32 a
    floating("random_uniform", y)
    a.seed = seed; a.counter = stream("random_uniform", counter); a.low = low; a.high = high; a.n = y.size; a.y = <float *>ptr(y)
    launch(RANDOM_UNIFORM, y, &a, sizeof(a), y, y.size, y.nbytes)


def random_normal(uint64_t seed, Array counter not None, double mean, double stddev, Array y not None):
    """Normal numbers."""
    cdef pydl_random_normal_args_f32 a
    floating("random_normal", y)
    a.seed = seed; a.counter = stream("random_normal", counter); a.mean = mean; a.stddev = stddev; a.n = y.size; a.y = <float *>ptr(y)
    launch(RANDOM_NORMAL, y, &a, sizeof(a), y, 40 * y.size, y.nbytes)


def random_truncated_normal(uint64_t seed, Array counter not None, double mean, double stddev, Array y not None):
    """Normal numbers within two stddev of the mean."""
    cdef pydl_random_truncated_normal_args_f32 a
    floating("random_truncated_normal", y)
    a.seed = seed; a.counter = stream("random_truncated_normal", counter); a.mean = mean; a.stddev = stddev
    a.n = y.size; a.y = <float *>ptr(y)
    launch(RANDOM_TRUNCATED_NORMAL, y, &a, sizeof(a), y, 40 * y.size, y.nbytes)
