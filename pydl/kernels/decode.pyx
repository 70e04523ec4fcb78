"""Boundary of the decoding kernels: labels of connectionist temporal classification, tokens drawn from scores."""
from libc.stdint cimport int32_t, int64_t

from pydl.kernels._common cimport Array, DType, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "decode.h":
    ctypedef struct pydl_ctc_greedy_args_f32:
        const float *logits
        const void *lengths
        isize length_code
        isize n
        isize steps
        isize classes
        isize blank
        isize merge
        int32_t *labels
        float *score
    ctypedef struct pydl_ctc_beam_args_f32:
        void *scratch
        const float *logits
        const void *lengths
        isize length_code
        isize n
        isize steps
        isize classes
        isize blank
        isize width
        isize paths
        int32_t *labels
        float *score
    ctypedef struct pydl_sample_logits_args_f32:
        void *scratch
        const float *logits
        const double *uniform
        isize n
        isize classes
        double temperature
        isize top_k
        double top_p
        int64_t *ids

cdef const pydl_kernel_row *CTC_GREEDY = kernel("ctc_greedy")
cdef const pydl_kernel_row *CTC_BEAM = kernel("ctc_beam")
cdef const pydl_kernel_row *SAMPLE_LOGITS = kernel("sample_logits")

cdef isize MOST = (<isize>1) << 40       # bytes of a beam's scratch: more is a mistake, and products below stay far from overflow


cdef int check(str who, Array logits, Array lengths, isize blank, isize paths, Array labels, tuple wanted, Array score, tuple score_shape) except -1:
    if logits.code > DType.FLOAT64:
        raise TypeError(f"{who}: logits must be float32 or float64, got {logits.dtype.name}")
    if logits.ndim != 3 or lengths.ndim != 1 or lengths.shape[0] != logits.shape[0]:
        raise ValueError(f"{who}: expected logits (n, steps, classes) and lengths (n,), got {logits.shape} and {lengths.shape}")
    if not 0 <= blank < logits.shape[2] or logits.shape[2] >= 2**31:
        raise ValueError(f"{who}: blank {blank} is none of {logits.shape[2]} classes")
    if paths < 1:
        raise ValueError(f"{who}: paths must be positive, got {paths}")
    expect(who, "labels", labels, DType.INT32, wanted)
    return expect(who, "score", score, logits.code, score_shape)


def ctc_greedy(Array logits not None, Array lengths not None, isize blank, bint merge, Array labels not None, Array score not None):
    """labels, score = the best class of each step, collapsed.  KernelError for a length beyond the steps and for a row without a finite best score."""
    cdef pydl_ctc_greedy_args_f32 a
    check("ctc_greedy", logits, lengths, blank, 1, labels, logits.shape[:2], score, logits.shape[:1])
    a.logits = <const float *>ptr(logits); a.lengths = ptr(lengths); a.length_code = lengths.code
    a.n = logits.shape[0]; a.steps = logits.shape[1]; a.classes = logits.shape[2]; a.blank = blank; a.merge = merge
    a.labels = <int32_t *>ptr(labels); a.score = <float *>ptr(score)
    launch(CTC_GREEDY, logits, &a, sizeof(a), labels, 2.0 * logits.size, logits.nbytes)


def ctc_beam(Array logits not None, Array lengths not None, isize blank, isize width, isize paths, Array labels not None, Array score not None):
    """labels, score = the likeliest sequences found with a beam of `width`.  KernelError as in ctc_greedy."""
    cdef pydl_ctc_beam_args_f32 a
    check("ctc_beam", logits, lengths, blank, paths, labels, (paths, *logits.shape[:2]), score, (logits.shape[0], paths))
    if width < 1:
        raise ValueError(f"ctc_beam: width must be positive, got {width}")
    if 64 * (1 + int(logits.shape[1])) * int(width) + 64 * int(logits.shape[2]) > MOST or int(width) * (1 + int(logits.shape[2])) > MOST:
        raise ValueError(f"ctc_beam: a beam of {width} over logits {logits.shape} needs more memory than there is")
    a.scratch = NULL; a.logits = <const float *>ptr(logits); a.lengths = ptr(lengths); a.length_code = lengths.code
    a.n = logits.shape[0]; a.steps = logits.shape[1]; a.classes = logits.shape[2]; a.blank = blank; a.width = width; a.paths = paths
    a.labels = <int32_t *>ptr(labels); a.score = <float *>ptr(score)
    launch(CTC_BEAM, logits, &a, sizeof(a), labels, 4.0 * logits.size * width, logits.nbytes)


def sample_logits(Array logits not None, Array uniform not None, double temperature, isize top_k, double top_p, Array ids not None):
    """ids = a class of each row, drawn with the numbers in `uniform`.  KernelError for a row without a finite best score."""
    cdef pydl_sample_logits_args_f32 a
    if logits.code > DType.FLOAT64:
        raise TypeError(f"sample_logits: logits must be float32 or float64, got {logits.dtype.name}")
    if logits.ndim != 2:
        raise ValueError(f"sample_logits: expected logits (n, classes), got {logits.shape}")
    if top_k < 1 or not top_p > 0 or not temperature >= 0:
        raise ValueError(f"sample_logits: expected top_k >= 1, top_p > 0, temperature >= 0, got {top_k}, {top_p}, {temperature}")
    expect("sample_logits", "uniform", uniform, DType.FLOAT64, logits.shape[:1])
    expect("sample_logits", "ids", ids, DType.INT64, logits.shape[:1])
    a.scratch = NULL; a.logits = <const float *>ptr(logits); a.uniform = <const double *>ptr(uniform)
    a.n = logits.shape[0]; a.classes = logits.shape[1]; a.temperature = temperature; a.top_k = top_k; a.top_p = top_p; a.ids = <int64_t *>ptr(ids)
    launch(SAMPLE_LOGITS, logits, &a, sizeof(a), ids, 10.0 * logits.size, logits.nbytes)
