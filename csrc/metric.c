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
typedef struct { const real *weights; isize repeat; double scale; isize n; isize row; double *total; } FN(adding);

static isize FN(block_rows)(isize row) { return max_isize(1, BLOCK / max_isize(row, 1)); }
static isize FN(adding_scratch)(isize n, isize row) { return 2 * ceil_div(n, FN(block_rows)(row)) * (isize)sizeof(double); }

static void FN(add_rows)(const pydl_ctx *ctx, FN(adding) s, FN(row_value) value, const void *args, double *partial)
{
    const isize rows = FN(block_rows)(s.row), blocks = ceil_div(s.n, rows);
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (s.n * max_isize(s.row, 1) > PARALLEL_MIN)
    for (isize b = 0; b < blocks; b++) {
        double sum = 0, count = 0;
        for (isize i = b * rows; i < min_isize(s.n, (b + 1) * rows); i++) {
            double weight = s.weights ? (double)s.weights[i / s.repeat] : 1;
            sum += weight == 0 ? 0 : weight * value(args, i);
            count += weight;
        }
        partial[2 * b] = sum;
        partial[2 * b + 1] = count;
    }
    double sum = 0, count = 0;
    for (isize b = 0; b < blocks; b++) {
        sum += partial[2 * b];
        count += partial[2 * b + 1];
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
    FN(add_rows)(ctx, (FN(adding)){ a->weights, a->repeat, a->scale, a->n, 1, a->total }, FN(mean_value), a, a->scratch);
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
    FN(add_rows)(ctx, (FN(adding)){ a->weights, 1, a->scale, a->n, a->classes, a->total }, FN(sparse_accuracy_value), a, a->scratch);
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
    FN(add_rows)(ctx, (FN(adding)){ a->weights, 1, a->scale, a->n, a->classes, a->total }, FN(categorical_accuracy_value), a, a->scratch);
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
    FN(add_rows)(ctx, (FN(adding)){ a->weights, 1, a->scale, a->n, a->classes, a->total }, FN(sparse_top_k_value), a, a->scratch);
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
    FN(add_rows)(ctx, (FN(adding)){ a->weights, 1, a->scale, a->n, a->classes, a->total }, FN(categorical_top_k_value), a, a->scratch);
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
    FN(add_rows)(ctx, (FN(adding)){ a->weights, 1, a->scale, a->n, a->m, a->total }, FN(binary_accuracy_value), a, a->scratch);
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
    FN(add_rows)(ctx, (FN(adding)){ a->weights, 1, a->scale, a->n, a->m, a->total }, FN(equal_accuracy_value), a, a->scratch);
    return PYDL_OK;
}

/* ---- counts at thresholds ---- */

isize FN(add_confusion_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_confusion_args) *a = args;
    (void)ctx;
    return 4 * a->k * ceil_div(a->n, BLOCK) * (isize)sizeof(double);
}

static void FN(confusion_block)(const FN(add_confusion_args) *a, isize start, isize end, double *counts)
{
    memset(counts, 0, (size_t)(4 * a->k) * sizeof(double));
    for (isize i = start; i < end; i++) {
        double weight = a->weights ? (double)a->weights[i / a->repeat] : 1;
        int truth = a->target[i] != 0;
        for (isize t = 0; t < a->k; t++) {
            int claimed = (double)a->pred[i] > a->thresholds[t];
            counts[4 * t + (claimed ? (truth ? 0 : 1) : (truth ? 3 : 2))] += weight;
        }
    }
}

pydl_status FN(add_confusion)(const pydl_ctx *ctx, const void *args)
{
    const FN(add_confusion_args) *a = args;
    const isize blocks = ceil_div(a->n, BLOCK);
    double *partial = a->scratch;
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (a->n * a->k > PARALLEL_MIN)
    for (isize b = 0; b < blocks; b++)
        FN(confusion_block)(a, b * BLOCK, min_isize(a->n, (b + 1) * BLOCK), partial + 4 * a->k * b);
    for (isize b = 0; b < blocks; b++)
        for (isize c = 0; c < 4 * a->k; c++) a->counts[c] += partial[4 * a->k * b + c];
    return PYDL_OK;
}
#endif
