"""Boundary of the random number kernels.  stream: (2,) uint64, seed and counter; a number is a function of them and of its position."""
from libc.stdint cimport int64_t, uint32_t, uint64_t

from pydl.kernels._common cimport Array, DType, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "random.h":
    ctypedef struct stream_advance_args "pydl_stream_advance_args":
        uint64_t *stream
    ctypedef struct random_integers_args "pydl_random_integers_args":
        const uint64_t *stream
        int64_t low
        uint64_t span
        isize n
        int64_t *y
    ctypedef struct random_permutation_args "pydl_random_permutation_args":
        const uint64_t *stream
        isize n
        int64_t *y
    ctypedef struct random_words_args "pydl_random_words_args":
        const uint64_t *stream
        isize n
        uint32_t *y
    ctypedef struct pydl_random_uniform_args_f32:
        const uint64_t *stream
        double low, high
        isize n
        float *y
    ctypedef struct pydl_random_normal_args_f32:
        const uint64_t *stream
        double mean, stddev
        isize n
        float *y
    ctypedef struct pydl_random_truncated_normal_args_f32:
        const uint64_t *stream
        double mean, stddev
        isize n
        float *y

cdef const pydl_kernel_row *STREAM_ADVANCE = kernel("stream_advance")
cdef const pydl_kernel_row *RANDOM_INTEGERS = kernel("random_integers")
cdef const pydl_kernel_row *RANDOM_PERMUTATION = kernel("random_permutation")
cdef const pydl_kernel_row *RANDOM_WORDS = kernel("random_words")
cdef const pydl_kernel_row *RANDOM_UNIFORM = kernel("random_uniform")
cdef const pydl_kernel_row *RANDOM_NORMAL = kernel("random_normal")
cdef const pydl_kernel_row *RANDOM_TRUNCATED_NORMAL = kernel("random_truncated_normal")


cdef uint64_t *stream_of(str who, Array stream) except NULL:
    expect(who, "stream", stream, DType.UINT64, (2,))
    return <uint64_t *>ptr(stream)


cdef int floating(str who, Array y) except -1:
    if y.code > DType.FLOAT64:
        raise TypeError(f"{who}: y must be float32 or float64, got {y.dtype}")
    return 0


def stream_advance(Array stream not None):
    """counter += 1: the next use draws other numbers."""
    cdef stream_advance_args a
    a.stream = stream_of("stream_advance", stream)
    launch(STREAM_ADVANCE, None, &a, sizeof(a), stream, 1, 8)


def random_integers(Array stream not None, int64_t low, int64_t high, Array y not None):
    """Integers in low <= y < high, int64."""
    cdef random_integers_args a
    expect("random_integers", "y", y, DType.INT64, y.shape)
    if high <= low:
        raise ValueError(f"random_integers: low must be below high, got {low} and {high}")
    a.stream = stream_of("random_integers", stream); a.low = low; a.span = <uint64_t>high - <uint64_t>low
    a.n = y.size; a.y = <int64_t *>ptr(y)
    launch(RANDOM_INTEGERS, None, &a, sizeof(a), y, y.size, y.nbytes)


def random_permutation(Array stream not None, Array y not None):
    """A permutation of 0 .. n - 1, int64."""
    cdef random_permutation_args a
    expect("random_permutation", "y", y, DType.INT64, y.shape)
    a.stream = stream_of("random_permutation", stream); a.n = y.size; a.y = <int64_t *>ptr(y)
    launch(RANDOM_PERMUTATION, None, &a, sizeof(a), y, y.size, y.nbytes)


def random_words(Array stream not None, Array y not None):
    """The generator's words as they come, two in each uint64 of y."""
    cdef random_words_args a
    expect("random_words", "y", y, DType.UINT64, y.shape)
    a.stream = stream_of("random_words", stream); a.n = 2 * y.size; a.y = <uint32_t *>ptr(y)
    launch(RANDOM_WORDS, None, &a, sizeof(a), y, y.size, y.nbytes)


def random_uniform(Array stream not None, double low, double high, Array y not None):
    """Uniform numbers in low <= y < high."""
    cdef pydl_random_uniform_args_f32 a
    floating("random_uniform", y)
    a.stream = stream_of("random_uniform", stream); a.low = low; a.high = high; a.n = y.size; a.y = <float *>ptr(y)
    launch(RANDOM_UNIFORM, y, &a, sizeof(a), y, y.size, y.nbytes)


def random_normal(Array stream not None, double mean, double stddev, Array y not None):
    """Normal numbers."""
    cdef pydl_random_normal_args_f32 a
    floating("random_normal", y)
    a.stream = stream_of("random_normal", stream); a.mean = mean; a.stddev = stddev; a.n = y.size; a.y = <float *>ptr(y)
    launch(RANDOM_NORMAL, y, &a, sizeof(a), y, 40 * y.size, y.nbytes)


def random_truncated_normal(Array stream not None, double mean, double stddev, Array y not None):
    """Normal numbers within two stddev of the mean."""
    cdef pydl_random_truncated_normal_args_f32 a
    floating("random_truncated_normal", y)
    a.stream = stream_of("random_truncated_normal", stream); a.mean = mean; a.stddev = stddev
    a.n = y.size; a.y = <float *>ptr(y)
    launch(RANDOM_TRUNCATED_NORMAL, y, &a, sizeof(a), y, 40 * y.size, y.nbytes)
