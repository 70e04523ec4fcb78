/* Metrics: kernels that add up a step's results, so that a whole epoch is read as two numbers.

   total: (2,) = (sum of weight * value, sum of weight), always double, added to.  A metric's result is total[0] / total[1].
   weights: (n,) or NULL for ones; every row counts `scale` times that.  What has weight 0 is left out, even NaN.
   Rows are added in blocks of fixed size, the blocks in order.  labels: labels.h; a label that is no class is never met. */
#ifndef real
#ifndef PYDL_METRIC_H
#define PYDL_METRIC_H
#include "pydl.h"
#define EACH_REAL "metric.h"
#include "each_real.h"
#endif
#else

/* value = values[i].  values: (n,), weights: (n / repeat,). */
typedef struct { void *scratch; const real *values; const real *weights; isize repeat; double scale; isize n; double *total; } FN(add_mean_args);
pydl_status FN(add_mean)(const pydl_ctx *ctx, const void *args);
isize FN(add_mean_scratch)(const pydl_ctx *ctx, const void *args);

/* value = 1 where pred[i, j] has its first maximum over j at label[i].  pred: (n, classes), labels: (n,). */
typedef struct {
    void *scratch;
    const real *pred; const void *labels; isize label_code; isize classes; const real *weights; double scale; isize n;
    double *total;
} FN(add_sparse_accuracy_args);
pydl_status FN(add_sparse_accuracy)(const pydl_ctx *ctx, const void *args);
isize FN(add_sparse_accuracy_scratch)(const pydl_ctx *ctx, const void *args);

/* value = 1 where pred[i] and target[i] have their first maximum at the same place.  pred, target: (n, classes). */
typedef struct {
    void *scratch;
    const real *pred; const real *target; isize classes; const real *weights; double scale; isize n;
    double *total;
} FN(add_categorical_accuracy_args);
pydl_status FN(add_categorical_accuracy)(const pydl_ctx *ctx, const void *args);
isize FN(add_categorical_accuracy_scratch)(const pydl_ctx *ctx, const void *args);

/* value = 1 where fewer than k of pred[i] are greater than pred[i, label[i]], which is a number. */
typedef struct {
    void *scratch;
    const real *pred; const void *labels; isize label_code; isize k; isize classes; const real *weights; double scale; isize n;
    double *total;
} FN(add_sparse_top_k_args);
pydl_status FN(add_sparse_top_k)(const pydl_ctx *ctx, const void *args);
isize FN(add_sparse_top_k_scratch)(const pydl_ctx *ctx, const void *args);

/* The same with the first maximum of target[i] for the label.  pred, target: (n, classes). */
typedef struct {
    void *scratch;
    const real *pred; const real *target; isize k; isize classes; const real *weights; double scale; isize n;
    double *total;
} FN(add_categorical_top_k_args);
pydl_status FN(add_categorical_top_k)(const pydl_ctx *ctx, const void *args);
isize FN(add_categorical_top_k_scratch)(const pydl_ctx *ctx, const void *args);

/* value = the share of j with target[i, j] == (pred[i, j] > threshold).  pred, target: (n, m). */
typedef struct {
    void *scratch;
    const real *pred; const real *target; double threshold; isize m; const real *weights; double scale; isize n;
    double *total;
} FN(add_binary_accuracy_args);
pydl_status FN(add_binary_accuracy)(const pydl_ctx *ctx, const void *args);
isize FN(add_binary_accuracy_scratch)(const pydl_ctx *ctx, const void *args);

/* value = the share of j with target[i, j] == pred[i, j].  pred, target: (n, m). */
typedef struct {
    void *scratch;
    const real *pred; const real *target; isize m; const real *weights; double scale; isize n;
    double *total;
} FN(add_equal_accuracy_args);
pydl_status FN(add_equal_accuracy)(const pydl_ctx *ctx, const void *args);
isize FN(add_equal_accuracy_scratch)(const pydl_ctx *ctx, const void *args);

/* counts[t] += the weights of true positives, false positives, true negatives and false negatives of pred[i] > thresholds[t]
   against target[i] != 0.  pred, target: (n,), weights: (n / repeat,), thresholds: (k,), rising, counts: (k, 4). */
typedef struct {
    void *scratch;
    const real *pred; const real *target; const real *weights; isize repeat; const double *thresholds; isize k; isize n;
    double *counts;
} FN(add_confusion_args);
pydl_status FN(add_confusion)(const pydl_ctx *ctx, const void *args);
isize FN(add_confusion_scratch)(const pydl_ctx *ctx, const void *args);

/* out[i, j] = pred[i, j] where it is among the k largest of its row (the first of equals), -infinity elsewhere.  pred, out: (n, classes). */
typedef struct { const real *pred; isize k; isize n; isize classes; real *out; } FN(keep_top_k_args);
pydl_status FN(keep_top_k)(const pydl_ctx *ctx, const void *args);

/* counts[c] += the weights of true positives, false positives, false negatives and targets of class c; a row claims class c where
   pred[i, c] > threshold, or, where by_max, where it is the row's maximum and not 0.  A target counts by its value, 0 .. 1.
   pred, target: (n, classes), weights: (n,), counts: (classes, 4). */
typedef struct {
    void *scratch;
    const real *pred; const real *target; const real *weights; double threshold; isize by_max; isize n; isize classes;
    double *counts;
} FN(add_class_counts_args);
pydl_status FN(add_class_counts)(const pydl_ctx *ctx, const void *args);
isize FN(add_class_counts_scratch)(const pydl_ctx *ctx, const void *args);

/* matrix[truth[i], pred[i]] += weights[i / repeat], but where truth[i] is `ignore`.  truth, pred: (n,), labels of any dtype,
   matrix: (classes, classes).  PYDL_BAD_INDEX for a label that is no class; nothing is added then. */
typedef struct {
    const void *truth; isize truth_code; const void *pred; isize pred_code; isize ignore; const real *weights; isize repeat; isize n; isize classes;
    double *matrix;
} FN(add_confusion_matrix_args);
pydl_status FN(add_confusion_matrix)(const pydl_ctx *ctx, const void *args);

#endif
