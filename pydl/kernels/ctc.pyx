"""Boundary of connectionist temporal classification."""
from libc.stdint cimport uint8_t

from pydl.kernels._common cimport Array, DType, agree, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "ctc.h":
    ctypedef struct pydl_ctc_loss_forward_args_f32:
        void *scratch
        const float *logits
        const void *labels
        isize label_code
        const uint8_t *mask
        isize n
        isize steps
        isize classes
        isize length
        float *loss
    ctypedef struct pydl_ctc_loss_backward_args_f32:
        void *scratch
        const float *dloss
        const float *logits
        const void *labels
        isize label_code
        const uint8_t *mask
        isize n
        isize steps
        isize classes
        isize length
        float *dlogits

cdef const pydl_kernel_row *CTC_LOSS_FORWARD = kernel("ctc_loss_forward")
cdef const pydl_kernel_row *CTC_LOSS_BACKWARD = kernel("ctc_loss_backward")


cdef int check(str who, Array logits, Array labels, Array mask, Array loss) except -1:
    if logits.ndim != 3 or labels.ndim != 2 or labels.shape[0] != logits.shape[0]:
        raise ValueError(f"{who}: expected logits (n, steps, classes) and labels (n, length), got {logits.shape} and {labels.shape}")
    if mask is not None:
        expect(who, "mask", mask, DType.BOOL, logits.shape[:2])
    return expect(who, "loss", loss, logits.code, (logits.shape[0],))


def ctc_loss_forward(Array logits not None, Array labels not None, Array mask, Array loss not None):
    """loss = -log of the probability of each row's labels; mask: None, or False where a step is not there.  KernelError for a label that is no class, or a sequence too long."""
    cdef pydl_ctc_loss_forward_args_f32 a
    check("ctc_loss_forward", logits, labels, mask, loss)
    a.mask = NULL
    if mask is not None:
        a.mask = <const uint8_t *>ptr(mask)
    a.scratch = NULL; a.logits = <const float *>ptr(logits); a.labels = ptr(labels); a.label_code = labels.code
    a.n = logits.shape[0]; a.steps = logits.shape[1]; a.classes = logits.shape[2]; a.length = labels.shape[1]; a.loss = <float *>ptr(loss)
    launch(CTC_LOSS_FORWARD, logits, &a, sizeof(a), logits, 20.0 * logits.size + 120.0 * a.n * a.steps * a.length, logits.nbytes)


def ctc_loss_backward(Array dloss not None, Array logits not None, Array labels not None, Array mask, Array dlogits not None):
    """dlogits = dloss * (d loss / d logits)."""
    cdef pydl_ctc_loss_backward_args_f32 a
    check("ctc_loss_backward", logits, labels, mask, dloss)
    a.mask = NULL
    if mask is not None:
        a.mask = <const uint8_t *>ptr(mask)
    agree("ctc_loss_backward", logits, dlogits)
    a.scratch = NULL; a.dloss = <const float *>ptr(dloss); a.logits = <const float *>ptr(logits); a.labels = ptr(labels); a.label_code = labels.code
    a.n = logits.shape[0]; a.steps = logits.shape[1]; a.classes = logits.shape[2]; a.length = labels.shape[1]; a.dlogits = <float *>ptr(dlogits)
    launch(CTC_LOSS_BACKWARD, logits, &a, sizeof(a), dlogits, 40.0 * logits.size + 240.0 * a.n * a.steps * a.length, 2 * logits.nbytes)
