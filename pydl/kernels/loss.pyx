"""Boundary of the loss kernels.

pred: (..., classes) or (..., m); everything with one number a row has as many elements as pred has rows, in any shape.
ignore: the class whose rows are left out, or None.
"""
from pydl.kernels._common cimport Array, FLOAT64, agree, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "labels.h":
    const isize IGNORE_NONE

cdef extern from "loss.h":
    ctypedef struct pydl_sparse_cross_entropy_logits_forward_args_f32:
        const float *pred
        const void *labels
        isize label_code
        isize ignore
        isize n
        isize classes
        float *loss
        float *lse
    ctypedef struct pydl_sparse_cross_entropy_logits_backward_args_f32:
        const float *dloss
        const float *pred
        const void *labels
        isize label_code
        isize ignore
        isize n
        isize classes
        const float *lse
        float *dpred
    ctypedef struct pydl_sparse_cross_entropy_probs_forward_args_f32:
        const float *pred
        const void *labels
        isize label_code
        isize ignore
        isize n
        isize classes
        float *loss
    ctypedef struct pydl_sparse_cross_entropy_probs_backward_args_f32:
        const float *dloss
        const float *pred
        const void *labels
        isize label_code
        isize ignore
        isize n
        isize classes
        float *dpred
    ctypedef struct pydl_cross_entropy_logits_forward_args_f32:
        const float *pred
        const float *target
        double smoothing
        isize n
        isize classes
        float *loss
        float *lse
    ctypedef struct pydl_cross_entropy_logits_backward_args_f32:
        const float *dloss
        const float *pred
        const float *target
        double smoothing
        isize n
        isize classes
        const float *lse
        float *dpred
    ctypedef struct pydl_cross_entropy_probs_forward_args_f32:
        const float *pred
        const float *target
        double smoothing
        isize n
        isize classes
        float *loss
    ctypedef struct pydl_cross_entropy_probs_backward_args_f32:
        const float *dloss
        const float *pred
        const float *target
        double smoothing
        isize n
        isize classes
        float *dpred
    ctypedef struct pydl_label_mask_args_f32:
        const void *labels
        isize label_code
        isize ignore
        isize n
        float *mask
    ctypedef struct pydl_element_loss_forward_args_f32:
        const float *pred
        const float *target
        double setting
        isize n
        isize m
        float *loss
    ctypedef struct pydl_element_loss_backward_args_f32:
        const float *dloss
        const float *pred
        const float *target
        double setting
        isize n
        isize m
        float *dpred
    ctypedef struct pydl_weighted_mean_forward_args_f32:
        void *scratch
        const float *values
        const float *weights
        isize repeat
        const float *mask
        isize by
        isize n
        float *result
        double *share
    ctypedef struct pydl_weighted_mean_backward_args_f32:
        const float *dresult
        const double *share
        const float *weights
        isize repeat
        const float *mask
        isize n
        float *dvalues


cdef isize rows_of(str who, Array pred) except -1:
    """Elements of all axes but the last, right also where the last is empty."""
    cdef isize n = 1, i
    if pred.ndim == 0:
        raise ValueError(f"{who}: pred must have a last axis, got a scalar")
    for i in range(pred.ndim - 1):
        n *= pred.shape[i]
    return n


cdef float *one_a_row(str who, str name, Array a, Array pred, isize n) except NULL:
    """The address of an array of pred's dtype with n elements."""
    if a is None:
        raise TypeError(f"{who}: {name} is missing")
    if a.code != pred.code:
        raise TypeError(f"{who}: {name} must be {pred.dtype.name}, got {a.dtype.name}")
    if a.size != n:
        raise ValueError(f"{who}: expected {n} values in {name}, got shape {a.shape}")
    return <float *>ptr(a)


cdef void *labels_of(str who, Array labels, isize n) except NULL:
    if labels is None:
        raise TypeError(f"{who}: labels are missing")
    if labels.size != n:
        raise ValueError(f"{who}: expected {n} labels, got shape {labels.shape}")
    return ptr(labels)


cdef isize ignored(ignore) except? -1:
    return IGNORE_NONE if ignore is None else ignore

cdef const pydl_kernel_row *SPARSE_CROSS_ENTROPY_LOGITS_FORWARD = kernel("sparse_cross_entropy_logits_forward")
cdef const pydl_kernel_row *SPARSE_CROSS_ENTROPY_LOGITS_BACKWARD = kernel("sparse_cross_entropy_logits_backward")
cdef const pydl_kernel_row *SPARSE_CROSS_ENTROPY_PROBS_FORWARD = kernel("sparse_cross_entropy_probs_forward")
cdef const pydl_kernel_row *SPARSE_CROSS_ENTROPY_PROBS_BACKWARD = kernel("sparse_cross_entropy_probs_backward")
cdef const pydl_kernel_row *CROSS_ENTROPY_LOGITS_FORWARD = kernel("cross_entropy_logits_forward")
cdef const pydl_kernel_row *CROSS_ENTROPY_LOGITS_BACKWARD = kernel("cross_entropy_logits_backward")
cdef const pydl_kernel_row *CROSS_ENTROPY_PROBS_FORWARD = kernel("cross_entropy_probs_forward")
cdef const pydl_kernel_row *CROSS_ENTROPY_PROBS_BACKWARD = kernel("cross_entropy_probs_backward")
cdef const pydl_kernel_row *LABEL_MASK = kernel("label_mask")
cdef const pydl_kernel_row *WEIGHTED_MEAN_FORWARD = kernel("weighted_mean_forward")
cdef const pydl_kernel_row *WEIGHTED_MEAN_BACKWARD = kernel("weighted_mean_backward")


def sparse_cross_entropy_logits_forward(Array pred not None, Array labels, ignore, Array loss, Array lse):
    """loss of each row of logits, from its label; lse: what backward needs.  KernelError for a label that is no class."""
    cdef pydl_sparse_cross_entropy_logits_forward_args_f32 a
    cdef str who = "sparse_cross_entropy_logits_forward"
    a.n = rows_of(who, pred); a.classes = pred.shape[pred.ndim - 1]; a.ignore = ignored(ignore)
    a.pred = <const float *>ptr(pred); a.labels = labels_of(who, labels, a.n); a.label_code = labels.code
    a.loss = one_a_row(who, "loss", loss, pred, a.n)
    a.lse = one_a_row(who, "lse", lse, pred, a.n)
    launch(SPARSE_CROSS_ENTROPY_LOGITS_FORWARD, pred, &a, sizeof(a), pred, 20 * pred.size, pred.nbytes)


def sparse_cross_entropy_logits_backward(Array dloss, Array pred not None, Array labels, ignore, Array lse, Array dpred not None):
    """dpred = dloss * (d loss / d pred).  dpred may be pred."""
    cdef pydl_sparse_cross_entropy_logits_backward_args_f32 a
    cdef str who = "sparse_cross_entropy_logits_backward"
    agree(who, pred, dpred)
    a.n = rows_of(who, pred); a.classes = pred.shape[pred.ndim - 1]; a.ignore = ignored(ignore)
    a.dloss = one_a_row(who, "dloss", dloss, pred, a.n)
    a.pred = <const float *>ptr(pred); a.labels = labels_of(who, labels, a.n); a.label_code = labels.code
    a.lse = one_a_row(who, "lse", lse, pred, a.n)
    a.dpred = <float *>ptr(dpred)
    launch(SPARSE_CROSS_ENTROPY_LOGITS_BACKWARD, pred, &a, sizeof(a), dpred, 20 * pred.size, 2 * pred.nbytes)

def sparse_cross_entropy_probs_forward(Array pred not None, Array labels, ignore, Array loss):
    """loss of each row of probabilities, from its label.  KernelError for a label that is no class."""
    cdef pydl_sparse_cross_entropy_probs_forward_args_f32 a
    cdef str who = "sparse_cross_entropy_probs_forward"
    a.n = rows_of(who, pred); a.classes = pred.shape[pred.ndim - 1]; a.ignore = ignored(ignore)
    a.pred = <const float *>ptr(pred); a.labels = labels_of(who, labels, a.n); a.label_code = labels.code
    a.loss = one_a_row(who, "loss", loss, pred, a.n)
    launch(SPARSE_CROSS_ENTROPY_PROBS_FORWARD, pred, &a, sizeof(a), pred, 2 * pred.size, pred.nbytes)


def sparse_cross_entropy_probs_backward(Array dloss, Array pred not None, Array labels, ignore, Array dpred not None):
    """dpred = dloss * (d loss / d pred).  dpred may be pred."""
    cdef pydl_sparse_cross_entropy_probs_backward_args_f32 a
    cdef str who = "sparse_cross_entropy_probs_backward"
    agree(who, pred, dpred)
    a.n = rows_of(who, pred); a.classes = pred.shape[pred.ndim - 1]; a.ignore = ignored(ignore)
    a.dloss = one_a_row(who, "dloss", dloss, pred, a.n)
    a.pred = <const float *>ptr(pred); a.labels = labels_of(who, labels, a.n); a.label_code = labels.code
    a.dpred = <float *>ptr(dpred)
    launch(SPARSE_CROSS_ENTROPY_PROBS_BACKWARD, pred, &a, sizeof(a), dpred, 2 * pred.size, 2 * pred.nbytes)

def cross_entropy_logits_forward(Array pred not None, Array target not None, double smoothing, Array loss, Array lse):
    """loss of each row of logits, against a row of target probabilities; lse: what backward needs."""
    cdef pydl_cross_entropy_logits_forward_args_f32 a
    cdef str who = "cross_entropy_logits_forward"
    agree(who, pred, target)
    a.n = rows_of(who, pred); a.classes = pred.shape[pred.ndim - 1]; a.smoothing = smoothing
    a.pred = <const float *>ptr(pred); a.target = <const float *>ptr(target); a.loss = one_a_row(who, "loss", loss, pred, a.n)
    a.lse = one_a_row(who, "lse", lse, pred, a.n)
    launch(CROSS_ENTROPY_LOGITS_FORWARD, pred, &a, sizeof(a), pred, 20 * pred.size, 2 * pred.nbytes)


def cross_entropy_logits_backward(Array dloss, Array pred not None, Array target not None, double smoothing, Array lse, Array dpred not None):
    """dpred = dloss * (d loss / d pred).  dpred may be pred."""
    cdef pydl_cross_entropy_logits_backward_args_f32 a
    cdef str who = "cross_entropy_logits_backward"
    agree(who, pred, target)
    agree(who, pred, dpred)
    a.n = rows_of(who, pred); a.classes = pred.shape[pred.ndim - 1]; a.smoothing = smoothing
    a.dloss = one_a_row(who, "dloss", dloss, pred, a.n)
    a.pred = <const float *>ptr(pred); a.target = <const float *>ptr(target)
    a.lse = one_a_row(who, "lse", lse, pred, a.n)
    a.dpred = <float *>ptr(dpred)
    launch(CROSS_ENTROPY_LOGITS_BACKWARD, pred, &a, sizeof(a), dpred, 20 * pred.size, 3 * pred.nbytes)

def cross_entropy_probs_forward(Array pred not None, Array target not None, double smoothing, Array loss):
    """loss of each row of probabilities, against a row of target probabilities."""
    cdef pydl_cross_entropy_probs_forward_args_f32 a
    cdef str who = "cross_entropy_probs_forward"
    agree(who, pred, target)
    a.n = rows_of(who, pred); a.classes = pred.shape[pred.ndim - 1]; a.smoothing = smoothing
    a.pred = <const float *>ptr(pred); a.target = <const float *>ptr(target); a.loss = one_a_row(who, "loss", loss, pred, a.n)
    launch(CROSS_ENTROPY_PROBS_FORWARD, pred, &a, sizeof(a), pred, 20 * pred.size, 2 * pred.nbytes)


def cross_entropy_probs_backward(Array dloss, Array pred not None, Array target not None, double smoothing, Array dpred not None):
    """dpred = dloss * (d loss / d pred).  dpred may be pred."""
    cdef pydl_cross_entropy_probs_backward_args_f32 a
    cdef str who = "cross_entropy_probs_backward"
    agree(who, pred, target)
    agree(who, pred, dpred)
    a.n = rows_of(who, pred); a.classes = pred.shape[pred.ndim - 1]; a.smoothing = smoothing
    a.dloss = one_a_row(who, "dloss", dloss, pred, a.n)
    a.pred = <const float *>ptr(pred); a.target = <const float *>ptr(target)
    a.dpred = <float *>ptr(dpred)
    launch(CROSS_ENTROPY_PROBS_BACKWARD, pred, &a, sizeof(a), dpred, 20 * pred.size, 3 * pred.nbytes)

def label_mask(Array labels not None, ignore, Array mask not None):
    """mask = labels != ignore, as 0 and 1."""
    cdef pydl_label_mask_args_f32 a
    a.labels = ptr(labels); a.label_code = labels.code; a.ignore = ignored(ignore); a.n = labels.size
    a.mask = one_a_row("label_mask", "mask", mask, mask, labels.size)
    launch(LABEL_MASK, mask, &a, sizeof(a), mask, mask.size, mask.nbytes)

# ---- element by element

cdef int element_forward(const pydl_kernel_row *row, Array pred, Array target, double setting, Array loss, double flops) except -1:
    cdef pydl_element_loss_forward_args_f32 a
    cdef str who = row.name.decode()
    agree(who, pred, target)
    a.n = rows_of(who, pred); a.m = pred.shape[pred.ndim - 1]; a.setting = setting
    a.pred = <const float *>ptr(pred); a.target = <const float *>ptr(target); a.loss = one_a_row(who, "loss", loss, pred, a.n)
    launch(row, pred, &a, sizeof(a), pred, flops * pred.size, 2 * pred.nbytes)
    return 0


cdef int element_backward(const pydl_kernel_row *row, Array dloss, Array pred, Array target, double setting, Array dpred, double flops) except -1:
    cdef pydl_element_loss_backward_args_f32 a
    cdef str who = row.name.decode()
    agree(who, pred, target)
    agree(who, pred, dpred)
    a.n = rows_of(who, pred); a.m = pred.shape[pred.ndim - 1]; a.setting = setting
    a.dloss = one_a_row(who, "dloss", dloss, pred, a.n)
    a.pred = <const float *>ptr(pred); a.target = <const float *>ptr(target); a.dpred = <float *>ptr(dpred)
    launch(row, pred, &a, sizeof(a), dpred, flops * pred.size, 3 * pred.nbytes)
    return 0

cdef const pydl_kernel_row *BINARY_CROSS_ENTROPY_LOGITS_FORWARD = kernel("binary_cross_entropy_logits_forward")
cdef const pydl_kernel_row *BINARY_CROSS_ENTROPY_LOGITS_BACKWARD = kernel("binary_cross_entropy_logits_backward")
cdef const pydl_kernel_row *BINARY_CROSS_ENTROPY_PROBS_FORWARD = kernel("binary_cross_entropy_probs_forward")
cdef const pydl_kernel_row *BINARY_CROSS_ENTROPY_PROBS_BACKWARD = kernel("binary_cross_entropy_probs_backward")
cdef const pydl_kernel_row *SQUARED_ERROR_FORWARD = kernel("squared_error_forward")
cdef const pydl_kernel_row *SQUARED_ERROR_BACKWARD = kernel("squared_error_backward")
cdef const pydl_kernel_row *ABSOLUTE_ERROR_FORWARD = kernel("absolute_error_forward")
cdef const pydl_kernel_row *ABSOLUTE_ERROR_BACKWARD = kernel("absolute_error_backward")
cdef const pydl_kernel_row *HUBER_FORWARD = kernel("huber_forward")
cdef const pydl_kernel_row *HUBER_BACKWARD = kernel("huber_backward")
cdef const pydl_kernel_row *LOG_COSH_FORWARD = kernel("log_cosh_forward")
cdef const pydl_kernel_row *LOG_COSH_BACKWARD = kernel("log_cosh_backward")
cdef const pydl_kernel_row *SQUARED_LOG_ERROR_FORWARD = kernel("squared_log_error_forward")
cdef const pydl_kernel_row *SQUARED_LOG_ERROR_BACKWARD = kernel("squared_log_error_backward")
cdef const pydl_kernel_row *PERCENTAGE_ERROR_FORWARD = kernel("percentage_error_forward")
cdef const pydl_kernel_row *PERCENTAGE_ERROR_BACKWARD = kernel("percentage_error_backward")
cdef const pydl_kernel_row *POISSON_FORWARD = kernel("poisson_forward")
cdef const pydl_kernel_row *POISSON_BACKWARD = kernel("poisson_backward")
cdef const pydl_kernel_row *KL_DIVERGENCE_FORWARD = kernel("kl_divergence_forward")
cdef const pydl_kernel_row *KL_DIVERGENCE_BACKWARD = kernel("kl_divergence_backward")
cdef const pydl_kernel_row *HINGE_FORWARD = kernel("hinge_forward")
cdef const pydl_kernel_row *HINGE_BACKWARD = kernel("hinge_backward")
cdef const pydl_kernel_row *SQUARED_HINGE_FORWARD = kernel("squared_hinge_forward")
cdef const pydl_kernel_row *SQUARED_HINGE_BACKWARD = kernel("squared_hinge_backward")

def binary_cross_entropy_logits_forward(Array pred not None, Array target not None, double setting, Array loss):
    """softplus(x) - x t, averaged over the last axis; setting: label smoothing."""
    element_forward(BINARY_CROSS_ENTROPY_LOGITS_FORWARD, pred, target, setting, loss, 40)

def binary_cross_entropy_logits_backward(Array dloss, Array pred not None, Array target not None, double setting, Array dpred not None):
    """dpred = dloss * (d loss / d pred)."""
    element_backward(BINARY_CROSS_ENTROPY_LOGITS_BACKWARD, dloss, pred, target, setting, dpred, 40)

def binary_cross_entropy_probs_forward(Array pred not None, Array target not None, double setting, Array loss):
    """-t log p - (1 - t) log(1 - p), averaged over the last axis; setting: label smoothing."""
    element_forward(BINARY_CROSS_ENTROPY_PROBS_FORWARD, pred, target, setting, loss, 40)

def binary_cross_entropy_probs_backward(Array dloss, Array pred not None, Array target not None, double setting, Array dpred not None):
    """dpred = dloss * (d loss / d pred)."""
    element_backward(BINARY_CROSS_ENTROPY_PROBS_BACKWARD, dloss, pred, target, setting, dpred, 40)

def squared_error_forward(Array pred not None, Array target not None, double setting, Array loss):
    """(x - t)^2, averaged over the last axis."""
    element_forward(SQUARED_ERROR_FORWARD, pred, target, setting, loss, 3)

def squared_error_backward(Array dloss, Array pred not None, Array target not None, double setting, Array dpred not None):
    """dpred = dloss * (d loss / d pred)."""
    element_backward(SQUARED_ERROR_BACKWARD, dloss, pred, target, setting, dpred, 3)

def absolute_error_forward(Array pred not None, Array target not None, double setting, Array loss):
    """|x - t|, averaged over the last axis."""
    element_forward(ABSOLUTE_ERROR_FORWARD, pred, target, setting, loss, 3)

def absolute_error_backward(Array dloss, Array pred not None, Array target not None, double setting, Array dpred not None):
    """dpred = dloss * (d loss / d pred)."""
    element_backward(ABSOLUTE_ERROR_BACKWARD, dloss, pred, target, setting, dpred, 3)

def huber_forward(Array pred not None, Array target not None, double setting, Array loss):
    """(x - t)^2 / 2, linear beyond setting, averaged over the last axis."""
    element_forward(HUBER_FORWARD, pred, target, setting, loss, 6)

def huber_backward(Array dloss, Array pred not None, Array target not None, double setting, Array dpred not None):
    """dpred = dloss * (d loss / d pred)."""
    element_backward(HUBER_BACKWARD, dloss, pred, target, setting, dpred, 6)

def log_cosh_forward(Array pred not None, Array target not None, double setting, Array loss):
    """log cosh(x - t), averaged over the last axis."""
    element_forward(LOG_COSH_FORWARD, pred, target, setting, loss, 40)

def log_cosh_backward(Array dloss, Array pred not None, Array target not None, double setting, Array dpred not None):
    """dpred = dloss * (d loss / d pred)."""
    element_backward(LOG_COSH_BACKWARD, dloss, pred, target, setting, dpred, 40)

def squared_log_error_forward(Array pred not None, Array target not None, double setting, Array loss):
    """(log(1 + x) - log(1 + t))^2, averaged over the last axis."""
    element_forward(SQUARED_LOG_ERROR_FORWARD, pred, target, setting, loss, 40)

def squared_log_error_backward(Array dloss, Array pred not None, Array target not None, double setting, Array dpred not None):
    """dpred = dloss * (d loss / d pred)."""
    element_backward(SQUARED_LOG_ERROR_BACKWARD, dloss, pred, target, setting, dpred, 40)

def percentage_error_forward(Array pred not None, Array target not None, double setting, Array loss):
    """100 |x - t| / |t|, averaged over the last axis."""
    element_forward(PERCENTAGE_ERROR_FORWARD, pred, target, setting, loss, 5)

def percentage_error_backward(Array dloss, Array pred not None, Array target not None, double setting, Array dpred not None):
    """dpred = dloss * (d loss / d pred)."""
    element_backward(PERCENTAGE_ERROR_BACKWARD, dloss, pred, target, setting, dpred, 5)

def poisson_forward(Array pred not None, Array target not None, double setting, Array loss):
    """x - t log x, averaged over the last axis."""
    element_forward(POISSON_FORWARD, pred, target, setting, loss, 20)

def poisson_backward(Array dloss, Array pred not None, Array target not None, double setting, Array dpred not None):
    """dpred = dloss * (d loss / d pred)."""
    element_backward(POISSON_BACKWARD, dloss, pred, target, setting, dpred, 20)

def kl_divergence_forward(Array pred not None, Array target not None, double setting, Array loss):
    """t log(t / x), summed over the last axis."""
    element_forward(KL_DIVERGENCE_FORWARD, pred, target, setting, loss, 20)

def kl_divergence_backward(Array dloss, Array pred not None, Array target not None, double setting, Array dpred not None):
    """dpred = dloss * (d loss / d pred)."""
    element_backward(KL_DIVERGENCE_BACKWARD, dloss, pred, target, setting, dpred, 20)

def hinge_forward(Array pred not None, Array target not None, double setting, Array loss):
    """max(1 - t x, 0), averaged over the last axis."""
    element_forward(HINGE_FORWARD, pred, target, setting, loss, 5)

def hinge_backward(Array dloss, Array pred not None, Array target not None, double setting, Array dpred not None):
    """dpred = dloss * (d loss / d pred)."""
    element_backward(HINGE_BACKWARD, dloss, pred, target, setting, dpred, 5)

def squared_hinge_forward(Array pred not None, Array target not None, double setting, Array loss):
    """max(1 - t x, 0)^2, averaged over the last axis."""
    element_forward(SQUARED_HINGE_FORWARD, pred, target, setting, loss, 6)

def squared_hinge_backward(Array dloss, Array pred not None, Array target not None, double setting, Array dpred not None):
    """dpred = dloss * (d loss / d pred)."""
    element_backward(SQUARED_HINGE_BACKWARD, dloss, pred, target, setting, dpred, 6)

# ---- the mean

cdef isize repeat_of(str who, Array weights, isize n) except -1:
    """How many neighbouring values one weight serves."""
    if weights is None or n == 0:
        return 1
    if weights.size == 0 or n % weights.size != 0:
        raise ValueError(f"{who}: {n} values cannot share weights of shape {weights.shape}")
    return n // weights.size


def weighted_mean_forward(Array values not None, Array weights, Array mask, isize by, Array result not None, Array share not None):
    """result = sum of values * weights * mask / divisor;  by: 0 the divisor is 1, 1 the number of values (or the sum of
    the mask), 2 the sum of the weights.  share: float64, 1 / divisor, which backward needs."""
    cdef pydl_weighted_mean_forward_args_f32 a
    cdef str who = "weighted_mean_forward"
    if not 0 <= by <= 2:
        raise ValueError(f"{who}: by must be 0, 1 or 2, got {by}")
    expect(who, "result", result, values.code, ())
    expect(who, "share", share, FLOAT64, ())
    a.scratch = NULL; a.values = <const float *>ptr(values); a.n = values.size; a.by = by
    a.repeat = repeat_of(who, weights, values.size)
    a.weights = NULL if weights is None else one_a_row(who, "weights", weights, values, values.size // a.repeat)
    a.mask = NULL if mask is None else one_a_row(who, "mask", mask, values, values.size)
    a.result = <float *>ptr(result); a.share = <double *>ptr(share)
    launch(WEIGHTED_MEAN_FORWARD, values, &a, sizeof(a), values, 2 * values.size, values.nbytes)


def weighted_mean_backward(Array dresult not None, Array share not None, Array weights, Array mask, Array dvalues not None):
    """dvalues = dresult * weights * mask * share."""
    cdef pydl_weighted_mean_backward_args_f32 a
    cdef str who = "weighted_mean_backward"
    expect(who, "dresult", dresult, dvalues.code, ())
    expect(who, "share", share, FLOAT64, ())
    a.dresult = <const float *>ptr(dresult); a.share = <const double *>ptr(share); a.n = dvalues.size
    a.repeat = repeat_of(who, weights, dvalues.size)
    a.weights = NULL if weights is None else one_a_row(who, "weights", weights, dvalues, dvalues.size // a.repeat)
    a.mask = NULL if mask is None else one_a_row(who, "mask", mask, dvalues, dvalues.size)
    a.dvalues = <float *>ptr(dvalues)
    launch(WEIGHTED_MEAN_BACKWARD, dvalues, &a, sizeof(a), dvalues, dvalues.size, dvalues.nbytes)
