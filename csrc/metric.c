#ifndef real
#include "internal.h"
#include "labels.h"
#include "metric.h"
#define EACH_REAL "metric.c"
#include "each_real.h"
#else

/* The value of row i, from a metric's own arguments. */
typedef double (*FN(row_value))(const void *args, isize i);

/* How the rows of a metric are added up; a block of rows holds about BLOCK elements. */
typedef struct {
    const real *weights; isize repeat; double scale; isize n; isize row; double *total;
    FN(row_value) value; const void *args; double *partial;
} FN(adding);

static isize FN(block_rows)(isize row) { return max_isize(1, BLOCK / max_isize(row, 1)); }
static isize FN(adding_scratch)(isize n, isize row) { return 2 * ceil_div(n, FN(block_rows)(row)) * (isize)sizeof(double); }

static void FN(adding_part)(const void *adding, isize start, isize stop)
{
    const FN(adding) *s = adding;
    const isize block = start / FN(block_rows)(s->row);
    double sum = 0, count = 0;
    for (isize i = start; i < stop; i++) {
        double weight = s->weights ? (double)s->weights[i / s->repeat] : 1;
        sum += weight == 0 ? 0 : weight * s->value(s->args, i);
        count += weight;
    }
    s->partial[2 * block] = sum;
    s->partial[2 * block + 1] = count;
}

static void FN(add_rows)(const pydl_ctx *ctx, FN(adding) s)
{
    const isize rows = FN(block_rows)(s.row), blocks = ceil_div(s.n, rows);
    double sum = 0, count = 0;
    run_parts(ctx, s.n * max_isize(s.row, 1) > PARALLEL_MIN, s.n, rows, FN(adding_part), &s);
    for (isize b = 0; b < blocks; b++) {
        sum += s.partial[2 * b];
        count += s.partial[2 * b + 1];
    }
    s.total[0] += s.scale * sum;
    s.total[1] += s.scale * count;
}

static double FN(mean_value)(const void *args, isize i) { return (double)((const FN(add_mean_args) *)args)->values[i]; }

isize FN(add_mean_scratch)(const pydl_ctx *ctx, const void *args)
{
    (void)ctx;
    return FN(adding_scratch)(((const FN(add_mean_args) *)args)->n, 1);
}
pydl_status FN(add_mean)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_mean_args) *a = args;
    FN(add_rows)(ctx, (FN(adding)){ a->weights, a->repeat, a->scale, a->n, 1, a->total, FN(mean_value), a, a->scratch });
    return PYDL_OK;
}

/* The first j where x[j] is largest; 0 if no x[j] is a number. */
static isize FN(first_max)(const real *x, isize n)
{
    real top = -(real)INFINITY;
    #pragma omp simd reduction(max : top)
    for (isize j = 0; j < n; j++) top = x[j] > top ? x[j] : top;
    for (isize j = 0; j < n; j++) if (x[j] == top) return j;
    return 0;
}

static double FN(sparse_accuracy_value)(const void *args, isize i)
{
    const FN(add_sparse_accuracy_args) *a = args;
    isize label = -1;
    return label_read(a->labels, a->label_code, i, &label) && FN(first_max)(a->pred + i * a->classes, a->classes) == label;
}
isize FN(add_sparse_accuracy_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_sparse_accuracy_args) *a = args;
    (void)ctx;
    return FN(adding_scratch)(a->n, a->classes);
}
pydl_status FN(add_sparse_accuracy)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_sparse_accuracy_args) *a = args;
    FN(add_rows)(ctx, (FN(adding)){ a->weights, 1, a->scale, a->n, a->classes, a->total, FN(sparse_accuracy_value), a, a->scratch });
    return PYDL_OK;
}

static double FN(categorical_accuracy_value)(const void *args, isize i)
{
    const FN(add_categorical_accuracy_args) *a = args;
    return FN(first_max)(a->pred + i * a->classes, a->classes) == FN(first_max)(a->target + i * a->classes, a->classes);
}
isize FN(add_categorical_accuracy_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_categorical_accuracy_args) *a = args;
    (void)ctx;
    return FN(adding_scratch)(a->n, a->classes);
}
pydl_status FN(add_categorical_accuracy)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_categorical_accuracy_args) *a = args;
    FN(add_rows)(ctx, (FN(adding)){ a->weights, 1, a->scale, a->n, a->classes, a->total, FN(categorical_accuracy_value), a, a->scratch });
    return PYDL_OK;
}

static int FN(in_top_k)(const real *x, isize label, isize k, isize classes)
{
    if (label < 0 || label >= classes || x[label] != x[label]) return 0;
    isize greater = 0;
    for (isize j = 0; j < classes; j++) greater += x[j] > x[label];
    return greater < k;
}

static double FN(sparse_top_k_value)(const void *args, isize i)
{
    const FN(add_sparse_top_k_args) *a = args;
    isize label = -1;
    return label_read(a->labels, a->label_code, i, &label) && FN(in_top_k)(a->pred + i * a->classes, label, a->k, a->classes);
}
isize FN(add_sparse_top_k_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_sparse_top_k_args) *a = args;
    (void)ctx;
    return FN(adding_scratch)(a->n, a->classes);
}
pydl_status FN(add_sparse_top_k)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_sparse_top_k_args) *a = args;
    FN(add_rows)(ctx, (FN(adding)){ a->weights, 1, a->scale, a->n, a->classes, a->total, FN(sparse_top_k_value), a, a->scratch });
    return PYDL_OK;
}

static double FN(categorical_top_k_value)(const void *args, isize i)
{
    const FN(add_categorical_top_k_args) *a = args;
    return FN(in_top_k)(a->pred + i * a->classes, FN(first_max)(a->target + i * a->classes, a->classes), a->k, a->classes);
}
isize FN(add_categorical_top_k_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_categorical_top_k_args) *a = args;
    (void)ctx;
    return FN(adding_scratch)(a->n, a->classes);
}
pydl_status FN(add_categorical_top_k)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_categorical_top_k_args) *a = args;
    FN(add_rows)(ctx, (FN(adding)){ a->weights, 1, a->scale, a->n, a->classes, a->total, FN(categorical_top_k_value), a, a->scratch });
    return PYDL_OK;
}

static double FN(binary_accuracy_value)(const void *args, isize i)
{
    const FN(add_binary_accuracy_args) *a = args;
    const real *x = a->pred + i * a->m, *t = a->target + i * a->m, threshold = (real)a->threshold;
    isize equal = 0;
    for (isize j = 0; j < a->m; j++) equal += t[j] == (x[j] > threshold ? (real)1 : (real)0);
    return (double)equal / (double)a->m;
}
isize FN(add_binary_accuracy_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_binary_accuracy_args) *a = args;
    (void)ctx;
    return FN(adding_scratch)(a->n, a->m);
}
pydl_status FN(add_binary_accuracy)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_binary_accuracy_args) *a = args;
    FN(add_rows)(ctx, (FN(adding)){ a->weights, 1, a->scale, a->n, a->m, a->total, FN(binary_accuracy_value), a, a->scratch });
    return PYDL_OK;
}

static double FN(equal_accuracy_value)(const void *args, isize i)
{
    const FN(add_equal_accuracy_args) *a = args;
    const real *x = a->pred + i * a->m, *t = a->target + i * a->m;
    isize equal = 0;
    for (isize j = 0; j < a->m; j++) equal += t[j] == x[j];
    return (double)equal / (double)a->m;
}
isize FN(add_equal_accuracy_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_equal_accuracy_args) *a = args;
    (void)ctx;
    return FN(adding_scratch)(a->n, a->m);
}
pydl_status FN(add_equal_accuracy)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_equal_accuracy_args) *a = args;
    FN(add_rows)(ctx, (FN(adding)){ a->weights, 1, a->scale, a->n, a->m, a->total, FN(equal_accuracy_value), a, a->scratch });
    return PYDL_OK;
}

/* ---- counts at thresholds ---- */

/* How many of the rising thresholds lie below x, rounded as x is, so that 0.3 does not exceed 0.3; 0 for NaN. */
static isize FN(thresholds_below)(const double *thresholds, isize k, real x)
{
    isize low = 0, high = k;
    while (low < high) {
        isize middle = (low + high) / 2;
        if (x > (real)thresholds[middle]) low = middle + 1;
        else high = middle;
    }
    return low;
}

isize FN(add_confusion_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_confusion_args) *a = args;
    (void)ctx;
    return 2 * (a->k + 1) * ceil_div(a->n, BLOCK) * (isize)sizeof(double);
}

/* A block's mass[2 j], mass[2 j + 1]: the weights of positives and negatives that exceed just j thresholds. */
static void FN(confusion_part)(const void *args, isize start, isize end)
{
    const FN(add_confusion_args) *a = args;
    double *mass = (double *)a->scratch + 2 * (a->k + 1) * (start / BLOCK);
    memset(mass, 0, (size_t)(2 * (a->k + 1)) * sizeof(double));
    for (isize i = start; i < end; i++) {
        double weight = a->weights ? (double)a->weights[i / a->repeat] : 1;
        mass[2 * FN(thresholds_below)(a->thresholds, a->k, a->pred[i]) + (a->target[i] == 0)] += weight;
    }
}

pydl_status FN(add_confusion)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_confusion_args) *a = args;
    const isize blocks = ceil_div(a->n, BLOCK), k = a->k;
    double *mass = a->scratch;
    if (blocks == 0) return PYDL_OK;
    run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, FN(confusion_part), a);
    for (isize b = 1; b < blocks; b++)
        for (isize j = 0; j < 2 * (k + 1); j++) mass[j] += mass[2 * (k + 1) * b + j];
    double below[2] = { 0 }, all[2] = { 0 };
    for (isize j = 0; j <= k; j++) {
        all[0] += mass[2 * j];
        all[1] += mass[2 * j + 1];
    }
    for (isize t = 0; t < k; t++) {
        below[0] += mass[2 * t];                        /* what does not exceed threshold t */
        below[1] += mass[2 * t + 1];
        a->counts[4 * t] += all[0] - below[0];
        a->counts[4 * t + 1] += all[1] - below[1];
        a->counts[4 * t + 2] += below[1];
        a->counts[4 * t + 3] += below[0];
    }
    return PYDL_OK;
}

static void FN(top_k_part)(const void *args, isize start, isize stop)
{
    const FN(keep_top_k_args) *a = args;
    for (isize i = start; i < stop; i++) {
        const real *x = a->pred + i * a->classes;
        real *out = a->out + i * a->classes;
        for (isize j = 0; j < a->classes; j++) out[j] = -(real)INFINITY;
        for (isize taken = 0; taken < min_isize(a->k, a->classes); taken++) {
            isize best = -1;
            for (isize j = 0; j < a->classes; j++)
                if (out[j] == -(real)INFINITY && x[j] == x[j] && (best < 0 || x[j] > x[best])) best = j;
            if (best >= 0) out[best] = x[best];
        }
    }
}
pydl_status FN(keep_top_k)(const pydl_ctx *ctx, const void *args)
{
    const FN(keep_top_k_args) *a = args;
    return run_parts(ctx, a->n * a->classes > PARALLEL_MIN, a->n, FN(block_rows)(a->classes), FN(top_k_part), a);
}

isize FN(add_class_counts_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_class_counts_args) *a = args;
    (void)ctx;
    return 4 * a->classes * ceil_div(a->n, FN(block_rows)(a->classes)) * (isize)sizeof(double);
}

static void FN(class_counts_row)(const FN(add_class_counts_args) *a, isize i, double *counts)
{
    const real *x = a->pred + i * a->classes, *t = a->target + i * a->classes;
    const double weight = a->weights ? (double)a->weights[i] : 1;
    const isize best = FN(first_max)(x, a->classes);
    for (isize c = 0; c < a->classes; c++) {
        int claimed = a->by_max ? x[c] == x[best] && fabs((double)x[c]) > 1e-9 : x[c] > (real)a->threshold;
        double truth = (double)t[c];
        counts[4 * c] += weight * (claimed ? truth : 0);
        counts[4 * c + 1] += weight * (claimed ? 1 - truth : 0);
        counts[4 * c + 2] += weight * (claimed ? 0 : truth);
        counts[4 * c + 3] += weight * truth;
    }
}

static void FN(class_counts_part)(const void *args, isize start, isize stop)
{
    const FN(add_class_counts_args) *a = args;
    const isize width = 4 * a->classes;
    double *counts = (double *)a->scratch + width * (start / FN(block_rows)(a->classes));
    memset(counts, 0, (size_t)width * sizeof(double));
    for (isize i = start; i < stop; i++) FN(class_counts_row)(a, i, counts);
}

pydl_status FN(add_class_counts)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_class_counts_args) *a = args;
    const isize rows = FN(block_rows)(a->classes), blocks = ceil_div(a->n, rows), width = 4 * a->classes;
    const double *partial = a->scratch;
    run_parts(ctx, a->n * a->classes > PARALLEL_MIN, a->n, rows, FN(class_counts_part), a);
    for (isize b = 0; b < blocks; b++)
        for (isize j = 0; j < width; j++) a->counts[j] += partial[width * b + j];
    return PYDL_OK;
}

pydl_status FN(add_confusion_matrix)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_confusion_matrix_args) *a = args;
    pydl_status status = labels_check(ctx, a->truth, a->truth_code, a->n, a->classes, a->ignore);
    if (status == PYDL_OK) status = labels_check(ctx, a->pred, a->pred_code, a->n, a->classes, IGNORE_NONE);
    if (status != PYDL_OK) return status;
    for (isize i = 0; i < a->n; i++) {
        isize truth = label_at(a->truth, a->truth_code, i), pred = label_at(a->pred, a->pred_code, i);
        if (truth == a->ignore) continue;
        a->matrix[truth * a->classes + pred] += a->weights ? (double)a->weights[i / a->repeat] : 1;
    }
    return PYDL_OK;
}
#endif
