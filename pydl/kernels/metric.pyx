"""Boundary of the metric kernels.  total: float64 (2,), outside every arena: it outlives the step that adds to it."""
from pydl.kernels._common cimport Array, FLOAT64, agree, expect, isize, kernel, launch, ptr, pydl_kernel_row

cdef extern from "metric.h":
    ctypedef struct pydl_add_mean_args_f32:
        void *scratch
        const float *values
        const float *weights
        isize repeat
        double scale
        isize n
        double *total
    ctypedef struct pydl_add_sparse_accuracy_args_f32:
        void *scratch
        const float *pred
        const void *labels
        isize label_code
        isize classes
        const float *weights
        double scale
        isize n
        double *total
    ctypedef struct pydl_add_categorical_accuracy_args_f32:
        void *scratch
        const float *pred
        const float *target
        isize classes
        const float *weights
        double scale
        isize n
        double *total
    ctypedef struct pydl_add_sparse_top_k_args_f32:
        void *scratch
        const float *pred
        const void *labels
        isize label_code
        isize k
        isize classes
        const float *weights
        double scale
        isize n
        double *total
    ctypedef struct pydl_add_categorical_top_k_args_f32:
        void *scratch
        const float *pred
        const float *target
        isize k
        isize classes
        const float *weights
        double scale
        isize n
        double *total
    ctypedef struct pydl_add_binary_accuracy_args_f32:
        void *scratch
        const float *pred
        const float *target
        double threshold
        isize m
        const float *weights
        double scale
        isize n
        double *total
    ctypedef struct pydl_add_equal_accuracy_args_f32:
        void *scratch
        const float *pred
        const float *target
        isize m
        const float *weights
        double scale
        isize n
        double *total
    ctypedef struct pydl_add_confusion_args_f32:
        void *scratch
        const float *pred
        const float *target
        const float *weights
        isize repeat
        const double *thresholds
        isize k
        isize n
        double *counts

    ctypedef struct pydl_keep_top_k_args_f32:
        const float *pred
        isize k
        isize n
        isize classes
        float *out
    ctypedef struct pydl_add_class_counts_args_f32:
        void *scratch
        const float *pred
        const float *target
        const float *weights
        double threshold
        isize by_max
        isize n
        isize classes
        double *counts
    ctypedef struct pydl_add_confusion_matrix_args_f32:
        const void *truth
        isize truth_code
        const void *pred
        isize pred_code
        isize ignore
        const float *weights
        isize repeat
        isize n
        isize classes
        double *matrix

cdef extern from "labels.h":
    const isize IGNORE_NONE

cdef const pydl_kernel_row *ADD_MEAN = kernel("add_mean")
cdef const pydl_kernel_row *ADD_SPARSE_ACCURACY = kernel("add_sparse_accuracy")
cdef const pydl_kernel_row *ADD_CATEGORICAL_ACCURACY = kernel("add_categorical_accuracy")
cdef const pydl_kernel_row *ADD_SPARSE_TOP_K = kernel("add_sparse_top_k")
cdef const pydl_kernel_row *ADD_CATEGORICAL_TOP_K = kernel("add_categorical_top_k")
cdef const pydl_kernel_row *ADD_BINARY_ACCURACY = kernel("add_binary_accuracy")
cdef const pydl_kernel_row *ADD_EQUAL_ACCURACY = kernel("add_equal_accuracy")
cdef const pydl_kernel_row *ADD_CONFUSION = kernel("add_confusion")
cdef const pydl_kernel_row *KEEP_TOP_K = kernel("keep_top_k")
cdef const pydl_kernel_row *ADD_CLASS_COUNTS = kernel("add_class_counts")
cdef const pydl_kernel_row *ADD_CONFUSION_MATRIX = kernel("add_confusion_matrix")


cdef isize last(str who, Array pred) except -1:
    if pred.ndim == 0:
        raise ValueError(f"{who}: pred must have a last axis, got a scalar")
    return pred.shape[pred.ndim - 1]


cdef isize rows_of(Array pred):
    """Elements of all axes but the last, right also where the last is empty."""
    cdef isize n = 1, i
    for i in range(pred.ndim - 1):
        n *= pred.shape[i]
    return n


cdef float *weights_of(str who, Array weights, Array typed, isize n) except? NULL:
    if weights is None:
        return NULL
    if weights.code != typed.code:
        raise TypeError(f"{who}: weights must be {typed.dtype.name}, got {weights.dtype.name}")
    if weights.size != n:
        raise ValueError(f"{who}: expected {n} weights, got shape {weights.shape}")
    return <float *>ptr(weights)


cdef isize repeat_of(str who, Array weights, isize n) except -1:
    """How many neighbouring values one weight serves."""
    if weights is None or n == 0:
        return 1
    if weights.size == 0 or n % weights.size != 0:
        raise ValueError(f"{who}: {n} values cannot share weights of shape {weights.shape}")
    return n // weights.size


def add_mean(Array values not None, Array weights, double scale, Array total not None):
    """total += scale * (sum of weights * values, sum of weights).  One weight may serve several neighbouring values."""
    cdef pydl_add_mean_args_f32 a
    expect("add_mean", "total", total, FLOAT64, (2,))
    a.scratch = NULL; a.values = <const float *>ptr(values); a.n = values.size; a.scale = scale; a.total = <double *>ptr(total)
    a.repeat = repeat_of("add_mean", weights, values.size)
    a.weights = NULL if weights is None else weights_of("add_mean", weights, values, values.size // a.repeat)
    launch(ADD_MEAN, values, &a, sizeof(a), values, 2 * values.size, values.nbytes)


def add_sparse_accuracy(Array pred not None, Array labels not None, Array weights, double scale, Array total not None):
    """Adds 1 for each row whose first maximum is at its label."""
    cdef pydl_add_sparse_accuracy_args_f32 a
    cdef isize classes = last("add_sparse_accuracy", pred), n = rows_of(pred)
    expect("add_sparse_accuracy", "total", total, FLOAT64, (2,))
    if labels.size != n:
        raise ValueError(f"add_sparse_accuracy: {n} rows of pred {pred.shape}, but labels have shape {labels.shape}")
    a.scratch = NULL; a.pred = <const float *>ptr(pred); a.labels = ptr(labels); a.label_code = labels.code; a.classes = classes
    a.weights = weights_of("add_sparse_accuracy", weights, pred, n); a.scale = scale; a.n = n; a.total = <double *>ptr(total)
    launch(ADD_SPARSE_ACCURACY, pred, &a, sizeof(a), pred, pred.size, pred.nbytes)


def add_categorical_accuracy(Array pred not None, Array target not None, Array weights, double scale, Array total not None):
    """Adds 1 for each row whose first maximum is where the target's is."""
    cdef pydl_add_categorical_accuracy_args_f32 a
    cdef isize classes = last("add_categorical_accuracy", pred), n = rows_of(pred)
    expect("add_categorical_accuracy", "total", total, FLOAT64, (2,))
    agree("add_categorical_accuracy", pred, target)
    a.scratch = NULL; a.pred = <const float *>ptr(pred); a.target = <const float *>ptr(target); a.classes = classes
    a.weights = weights_of("add_categorical_accuracy", weights, pred, n); a.scale = scale; a.n = n; a.total = <double *>ptr(total)
    launch(ADD_CATEGORICAL_ACCURACY, pred, &a, sizeof(a), pred, 2 * pred.size, 2 * pred.nbytes)


def add_sparse_top_k(Array pred not None, Array labels not None, isize k, Array weights, double scale, Array total not None):
    """Adds 1 for each row in which fewer than k values are greater than the label's."""
    cdef pydl_add_sparse_top_k_args_f32 a
    cdef isize classes = last("add_sparse_top_k", pred), n = rows_of(pred)
    expect("add_sparse_top_k", "total", total, FLOAT64, (2,))
    if labels.size != n:
        raise ValueError(f"add_sparse_top_k: {n} rows of pred {pred.shape}, but labels have shape {labels.shape}")
    a.scratch = NULL; a.pred = <const float *>ptr(pred); a.labels = ptr(labels); a.label_code = labels.code; a.classes = classes
    a.k = k; a.weights = weights_of("add_sparse_top_k", weights, pred, n); a.scale = scale; a.n = n; a.total = <double *>ptr(total)
    launch(ADD_SPARSE_TOP_K, pred, &a, sizeof(a), pred, pred.size, pred.nbytes)


def add_categorical_top_k(Array pred not None, Array target not None, isize k, Array weights, double scale, Array total not None):
    """Adds 1 for each row in which fewer than k values are greater than the one where the target is largest."""
    cdef pydl_add_categorical_top_k_args_f32 a
    cdef isize classes = last("add_categorical_top_k", pred), n = rows_of(pred)
    expect("add_categorical_top_k", "total", total, FLOAT64, (2,))
    agree("add_categorical_top_k", pred, target)
    a.scratch = NULL; a.pred = <const float *>ptr(pred); a.target = <const float *>ptr(target); a.classes = classes; a.k = k
    a.weights = weights_of("add_categorical_top_k", weights, pred, n); a.scale = scale; a.n = n; a.total = <double *>ptr(total)
    launch(ADD_CATEGORICAL_TOP_K, pred, &a, sizeof(a), pred, 2 * pred.size, 2 * pred.nbytes)


def add_binary_accuracy(Array pred not None, Array target not None, double threshold, Array weights, double scale, Array total not None):
    """Adds, for each row, the share of elements with target == (pred > threshold)."""
    cdef pydl_add_binary_accuracy_args_f32 a
    cdef isize m = last("add_binary_accuracy", pred), n = rows_of(pred)
    expect("add_binary_accuracy", "total", total, FLOAT64, (2,))
    agree("add_binary_accuracy", pred, target)
    a.scratch = NULL; a.pred = <const float *>ptr(pred); a.target = <const float *>ptr(target); a.threshold = threshold; a.m = m
    a.weights = weights_of("add_binary_accuracy", weights, pred, n); a.scale = scale; a.n = n; a.total = <double *>ptr(total)
    launch(ADD_BINARY_ACCURACY, pred, &a, sizeof(a), pred, 2 * pred.size, 2 * pred.nbytes)


def add_equal_accuracy(Array pred not None, Array target not None, Array weights, double scale, Array total not None):
    """Adds, for each row, the share of elements with target == pred."""
    cdef pydl_add_equal_accuracy_args_f32 a
    cdef isize m = last("add_equal_accuracy", pred), n = rows_of(pred)
    expect("add_equal_accuracy", "total", total, FLOAT64, (2,))
    agree("add_equal_accuracy", pred, target)
    a.scratch = NULL; a.pred = <const float *>ptr(pred); a.target = <const float *>ptr(target); a.m = m
    a.weights = weights_of("add_equal_accuracy", weights, pred, n); a.scale = scale; a.n = n; a.total = <double *>ptr(total)
    launch(ADD_EQUAL_ACCURACY, pred, &a, sizeof(a), pred, pred.size, 2 * pred.nbytes)


def add_confusion(Array pred not None, Array target not None, Array weights, Array thresholds not None, Array counts not None):
    """counts[t] += (true positives, false positives, true negatives, false negatives) of pred > thresholds[t], rising."""
    cdef pydl_add_confusion_args_f32 a
    agree("add_confusion", pred, target)
    expect("add_confusion", "thresholds", thresholds, FLOAT64, (thresholds.size,))
    expect("add_confusion", "counts", counts, FLOAT64, (thresholds.size, 4))
    a.scratch = NULL; a.pred = <const float *>ptr(pred); a.target = <const float *>ptr(target); a.n = pred.size; a.k = thresholds.size
    a.repeat = repeat_of("add_confusion", weights, pred.size)
    a.weights = NULL if weights is None else weights_of("add_confusion", weights, pred, pred.size // a.repeat)
    a.thresholds = <const double *>ptr(thresholds); a.counts = <double *>ptr(counts)
    launch(ADD_CONFUSION, pred, &a, sizeof(a), counts, 8 * pred.size, 2 * pred.nbytes)


def keep_top_k(Array pred not None, isize k, Array out not None):
    """out = pred where it is among the k largest of its row, -infinity elsewhere."""
    cdef pydl_keep_top_k_args_f32 a
    agree("keep_top_k", pred, out)
    a.classes = last("keep_top_k", pred); a.n = rows_of(pred); a.k = k
    a.pred = <const float *>ptr(pred); a.out = <float *>ptr(out)
    launch(KEEP_TOP_K, pred, &a, sizeof(a), out, k * pred.size, 2 * pred.nbytes)


def add_class_counts(Array pred not None, Array target not None, Array weights, threshold, Array counts not None):
    """counts[c] += (true positives, false positives, false negatives, targets) of class c.  threshold None: the row's maximum."""
    cdef pydl_add_class_counts_args_f32 a
    cdef isize classes = last("add_class_counts", pred), n = rows_of(pred)
    agree("add_class_counts", pred, target)
    expect("add_class_counts", "counts", counts, FLOAT64, (classes, 4))
    a.scratch = NULL; a.pred = <const float *>ptr(pred); a.target = <const float *>ptr(target); a.n = n; a.classes = classes
    a.weights = weights_of("add_class_counts", weights, pred, n)
    a.threshold = 0 if threshold is None else threshold; a.by_max = threshold is None; a.counts = <double *>ptr(counts)
    launch(ADD_CLASS_COUNTS, pred, &a, sizeof(a), counts, 8 * pred.size, 2 * pred.nbytes)


def add_confusion_matrix(Array truth not None, Array pred not None, ignore, Array weights, Array matrix not None):
    """matrix[truth, pred] += weights.  KernelError for a label that is no class."""
    cdef pydl_add_confusion_matrix_args_f32 a
    cdef str who = "add_confusion_matrix"
    if truth.size != pred.size:
        raise ValueError(f"{who}: sizes differ, shapes {truth.shape} and {pred.shape}")
    if matrix.ndim != 2:
        raise ValueError(f"{who}: matrix must have two axes, got shape {matrix.shape}")
    expect(who, "matrix", matrix, FLOAT64, (matrix.shape[0], matrix.shape[0]))
    a.truth = ptr(truth); a.truth_code = truth.code; a.pred = ptr(pred); a.pred_code = pred.code
    a.ignore = IGNORE_NONE if ignore is None else ignore
    a.repeat = repeat_of(who, weights, truth.size); a.n = truth.size; a.classes = matrix.shape[0]
    a.weights = NULL if weights is None else weights_of(who, weights, weights, truth.size // a.repeat)
    a.matrix = <double *>ptr(matrix)
    launch(ADD_CONFUSION_MATRIX, matrix if weights is None else weights, &a, sizeof(a), matrix, truth.size, truth.nbytes + pred.nbytes)
