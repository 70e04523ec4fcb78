#ifndef real
#include "vecmath.h"
#include "labels.h"
#include "loss_parts.h"

/* Rows of at most SHORT classes are turned, so that neighbours in memory are neighbouring rows: TURNED rows at a time. */
#define SHORT ((isize)32)
#define TURNED ((isize)64)
/* Up to here a group's exponentials are taken in one loop, beyond in a loop a row without a buffer: 12 % at 64 and at 1000 classes, bench_loss.py. */
#define NARROW ((isize)256)

static isize rows_of_classes(isize classes)
{
    isize rows = rows_of_group(classes);
    return classes <= SHORT ? ceil_div(rows, TURNED) * TURNED : rows;
}

#define EACH_REAL "loss.c"
#include "each_real.h"
#else

static real FN(row_max)(const real *x, isize n)
{
    real top = -(real)INFINITY;
    #pragma omp simd reduction(max : top)
    for (isize j = 0; j < n; j++) top = x[j] > top ? x[j] : top;
    return top;
}

static void FN(exp_core)(real *x, isize n)
{
    for (isize i = 0; i < n; i++) x[i] = FN(vec_exp)(x[i]);
}

/* y = x - c */
static void FN(minus_core)(const real *x, real c, real *y, isize n)
{
    for (isize j = 0; j < n; j++) y[j] = x[j] - c;
}

/* ---- cross-entropy from logits ---- */

/* sum over j of exp(x[j] - top) */
static double FN(exp_sum)(const real *x, real top, isize classes)
{
    double total = 0;
    for (isize start = 0; start < classes; start += GROUP) {
        real sum = 0;
        #pragma omp simd reduction(+ : sum)
        for (isize j = start; j < min_isize(classes, start + GROUP); j++) sum += FN(vec_exp)(x[j] - top);
        total += (double)sum;
    }
    return total;
}

/* lse[i] = log(sum over j of exp x[i, j]) of a few short rows.  rows <= TURNED, classes <= SHORT.
   Turned, loops have a fixed length and no remainder: 2.4x at (128, 10), bench_loss.py.  (The slope gains nothing: it has to be turned back.) */
static void FN(short_lse)(const real *x, isize rows, isize classes, real *lse)
{
    real turned[SHORT * TURNED], top[TURNED], sum[TURNED];
    for (isize j = 0; j < classes; j++)
        for (isize i = rows; i < TURNED; i++) turned[j * TURNED + i] = 0;
    for (isize i = 0; i < rows; i++)
        for (isize j = 0; j < classes; j++) turned[j * TURNED + i] = x[i * classes + j];
    for (isize i = 0; i < TURNED; i++) {
        top[i] = -(real)INFINITY;
        sum[i] = 0;
    }
    for (isize j = 0; j < classes; j++)
        for (isize i = 0; i < TURNED; i++) top[i] = turned[j * TURNED + i] > top[i] ? turned[j * TURNED + i] : top[i];
    for (isize j = 0; j < classes; j++)
        for (isize i = 0; i < TURNED; i++) sum[i] += FN(vec_exp)(turned[j * TURNED + i] - top[i]);
    for (isize i = 0; i < TURNED; i++) sum[i] = top[i] + FN(vec_log)(sum[i]);
    memcpy(lse, sum, (size_t)rows * sizeof(real));
}

/* lse[i] = log(sum over j of exp x[i, j]) of a group of rows: rows_of_classes(classes) of them, or fewer. */
static void FN(group_lse)(const real *x, isize rows, isize classes, real *lse)
{
    if (classes <= SHORT) {
        for (isize i = 0; i < rows; i += TURNED) FN(short_lse)(x + i * classes, min_isize(TURNED, rows - i), classes, lse + i);
        return;
    }
    real top[GROUP / SHORT], sum[GROUP / SHORT], buffer[GROUP];
    for (isize i = 0; i < rows; i++) top[i] = FN(row_max)(x + i * classes, classes);
    if (classes <= NARROW) {
        for (isize i = 0; i < rows; i++) FN(minus_core)(x + i * classes, top[i], buffer + i * classes, classes);
        FN(exp_core)(buffer, rows * classes);
        for (isize i = 0; i < rows; i++) sum[i] = (real)FN(row_sum)(buffer + i * classes, classes);
    } else {
        for (isize i = 0; i < rows; i++) sum[i] = (real)FN(exp_sum)(x + i * classes, top[i], classes);
    }
    for (isize i = 0; i < rows; i++) lse[i] = top[i] + FN(vec_log)(sum[i]);
}

/* p = exp(x - lse) * scale */
static void FN(softmax_core)(const real *x, real lse, real scale, real *p, isize n)
{
    for (isize j = 0; j < n; j++) p[j] = FN(vec_exp)(x[j] - lse) * scale;
}

/* p[i, j] = exp(x[i, j] - lse[i]) * scale[i] of a group of rows.  p may be x. */
static void FN(group_softmax)(const real *x, const real *lse, const real *scale, isize rows, isize classes, real *p)
{
    if (classes > SHORT) {
        for (isize i = 0; i < rows; i++) FN(softmax_core)(x + i * classes, lse[i], scale[i], p + i * classes, classes);
        return;
    }
    for (isize i = 0; i < rows; i++) FN(minus_core)(x + i * classes, lse[i], p + i * classes, classes);
    FN(exp_core)(p, rows * classes);                                    /* all rows at once: short ones share vectors */
    for (isize i = 0; i < rows; i++)
        for (isize j = 0; j < classes; j++) p[i * classes + j] *= scale[i];
}

static void FN(sparse_logits_part)(const void *args, isize start, isize stop)
{
    const FN(sparse_cross_entropy_logits_forward_args) *a = args;
    FN(group_lse)(a->pred + start * a->classes, stop - start, a->classes, a->lse + start);
    for (isize i = start; i < stop; i++) {
        isize label = label_at(a->labels, a->label_code, i);
        a->loss[i] = label == a->ignore ? 0 : a->lse[i] - a->pred[i * a->classes + label];
    }
}
pydl_status FN(sparse_cross_entropy_logits_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(sparse_cross_entropy_logits_forward_args) *a = args;
    pydl_status status = labels_check(ctx, a->labels, a->label_code, a->n, a->classes, a->ignore);
    if (status != PYDL_OK) return status;
    return run_parts(ctx, a->n * a->classes > LOSS_PARALLEL_MIN, a->n, rows_of_classes(a->classes), FN(sparse_logits_part), a);
}

static void FN(sparse_logits_back_part)(const void *args, isize start, isize stop)
{
    const FN(sparse_cross_entropy_logits_backward_args) *a = args;
    const isize classes = a->classes;
    FN(group_softmax)(a->pred + start * classes, a->lse + start, a->dloss + start, stop - start, classes, a->dpred + start * classes);
    for (isize i = start; i < stop; i++) {
        isize label = label_at(a->labels, a->label_code, i);
        real *dpred = a->dpred + i * classes;
        if (label == a->ignore) {
            memset(dpred, 0, (size_t)classes * sizeof(real));
            continue;
        }
        dpred[label] -= a->dloss[i];
    }
}
pydl_status FN(sparse_cross_entropy_logits_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(sparse_cross_entropy_logits_backward_args) *a = args;
    pydl_status status = labels_check(ctx, a->labels, a->label_code, a->n, a->classes, a->ignore);
    if (status != PYDL_OK) return status;
    return run_parts(ctx, a->n * a->classes > LOSS_PARALLEL_MIN, a->n, rows_of_classes(a->classes), FN(sparse_logits_back_part), a);
}

/* loss = sum over j of t'[j] * (lse - x[j]),  t' = t * keep + add */
static real FN(soft_target_loss)(const real *x, const real *t, real lse, real keep, real add, isize classes)
{
    double total = 0;
    for (isize start = 0; start < classes; start += GROUP) {
        real sum = 0;
        #pragma omp simd reduction(+ : sum)
        for (isize j = start; j < min_isize(classes, start + GROUP); j++) sum += (t[j] * keep + add) * (lse - x[j]);
        total += (double)sum;
    }
    return (real)total;
}

static void FN(logits_part)(const void *args, isize start, isize stop)
{
    const FN(cross_entropy_logits_forward_args) *a = args;
    const isize classes = a->classes;
    const real keep = (real)(1 - a->smoothing), add = (real)(a->smoothing / (double)max_isize(classes, 1));
    FN(group_lse)(a->pred + start * classes, stop - start, classes, a->lse + start);
    for (isize i = start; i < stop; i++)
        a->loss[i] = FN(soft_target_loss)(a->pred + i * classes, a->target + i * classes, a->lse[i], keep, add, classes);
}
pydl_status FN(cross_entropy_logits_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(cross_entropy_logits_forward_args) *a = args;
    return run_parts(ctx, a->n * a->classes > LOSS_PARALLEL_MIN, a->n, rows_of_classes(a->classes), FN(logits_part), a);
}

/* dpred = dloss * (p * sum t' - t'),  dloss * p arrives in dpred */
static void FN(soft_target_core)(real *dpred, const real *t, real dloss, real sum, real keep, real add, isize classes)
{
    for (isize j = 0; j < classes; j++) dpred[j] = dpred[j] * sum - dloss * (t[j] * keep + add);
}

static void FN(logits_back_part)(const void *args, isize start, isize stop)
{
    const FN(cross_entropy_logits_backward_args) *a = args;
    const isize classes = a->classes;
    const real keep = (real)(1 - a->smoothing), add = (real)(a->smoothing / (double)max_isize(classes, 1));
    FN(group_softmax)(a->pred + start * classes, a->lse + start, a->dloss + start, stop - start, classes, a->dpred + start * classes);
    for (isize i = start; i < stop; i++) {
        const real *t = a->target + i * classes;
        real sum = (real)(FN(row_sum)(t, classes) * (1 - a->smoothing) + a->smoothing);
        FN(soft_target_core)(a->dpred + i * classes, t, a->dloss[i], sum, keep, add, classes);
    }
}
pydl_status FN(cross_entropy_logits_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(cross_entropy_logits_backward_args) *a = args;
    return run_parts(ctx, a->n * a->classes > LOSS_PARALLEL_MIN, a->n, rows_of_classes(a->classes), FN(logits_back_part), a);
}

/* ---- cross-entropy from probabilities:  q = p / sum p, clipped ---- */

static void FN(sparse_probs_part)(const void *args, isize start, isize stop)
{
    const FN(sparse_cross_entropy_probs_forward_args) *a = args;
    for (isize i = start; i < stop; i++) {
        const real *p = a->pred + i * a->classes;
        isize label = label_at(a->labels, a->label_code, i);
        a->loss[i] = label == a->ignore ? 0 : -FN(vec_log)(FN(clip_prob)(p[label] / (real)FN(row_sum)(p, a->classes)));
    }
}
pydl_status FN(sparse_cross_entropy_probs_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(sparse_cross_entropy_probs_forward_args) *a = args;
    pydl_status status = labels_check(ctx, a->labels, a->label_code, a->n, a->classes, a->ignore);
    if (status != PYDL_OK) return status;
    return run_parts(ctx, a->n * a->classes > PARALLEL_MIN, a->n, rows_of_classes(a->classes), FN(sparse_probs_part), a);
}

/* -log(p[l] / s) with s = sum p:   d/dp[j] = 1 / s - [j = l] / p[l] */
static void FN(sparse_probs_back_part)(const void *args, isize start, isize stop)
{
    const FN(sparse_cross_entropy_probs_backward_args) *a = args;
    for (isize i = start; i < stop; i++) {
        const real *p = a->pred + i * a->classes;
        real *dpred = a->dpred + i * a->classes;
        isize label = label_at(a->labels, a->label_code, i);
        if (label == a->ignore) {
            memset(dpred, 0, (size_t)a->classes * sizeof(real));
            continue;
        }
        real sum = (real)FN(row_sum)(p, a->classes), own = p[label];
        real dloss = FN(is_clipped)(own / sum) ? 0 : a->dloss[i];
        for (isize j = 0; j < a->classes; j++) dpred[j] = dloss / sum;
        dpred[label] -= dloss / own;
        if (dloss == 0) dpred[label] = 0;           /* own may be 0 there */
    }
}
pydl_status FN(sparse_cross_entropy_probs_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(sparse_cross_entropy_probs_backward_args) *a = args;
    pydl_status status = labels_check(ctx, a->labels, a->label_code, a->n, a->classes, a->ignore);
    if (status != PYDL_OK) return status;
    return run_parts(ctx, a->n * a->classes > PARALLEL_MIN, a->n, rows_of_classes(a->classes), FN(sparse_probs_back_part), a);
}

/* One row, in pieces of at most GROUP:  -sum over j of t'[j] log q[j] */
static real FN(soft_target_probs_loss)(const real *p, const real *t, real keep, real add, isize classes)
{
    real buffer[GROUP], sum = (real)FN(row_sum)(p, classes);
    double total = 0;
    for (isize start = 0; start < classes; start += GROUP) {
        isize n = min_isize(GROUP, classes - start);
        for (isize j = 0; j < n; j++) buffer[j] = FN(vec_log)(FN(clip_prob)(p[start + j] / sum)) * (t[start + j] * keep + add);
        total -= FN(row_sum)(buffer, n);
    }
    return (real)total;
}

static void FN(probs_part)(const void *args, isize start, isize stop)
{
    const FN(cross_entropy_probs_forward_args) *a = args;
    const real keep = (real)(1 - a->smoothing), add = (real)(a->smoothing / (double)max_isize(a->classes, 1));
    for (isize i = start; i < stop; i++)
        a->loss[i] = FN(soft_target_probs_loss)(a->pred + i * a->classes, a->target + i * a->classes, keep, add, a->classes);
}
pydl_status FN(cross_entropy_probs_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(cross_entropy_probs_forward_args) *a = args;
    return run_parts(ctx, a->n * a->classes > LOSS_PARALLEL_MIN, a->n, rows_of_classes(a->classes), FN(probs_part), a);
}

/* e[j] = d loss / d q[j] = -t'[j] / q[j], 0 where clipped;   d loss / d p[j] = (e[j] - sum over k of e[k] q[k]) / sum p */
static void FN(soft_target_probs_row)(const real *p, const real *t, real dloss, real keep, real add, isize classes, real *dpred)
{
    real sum = (real)FN(row_sum)(p, classes);
    double total = 0;
    for (isize start = 0; start < classes; start += GROUP) {
        real piece = 0;
        #pragma omp simd reduction(+ : piece)
        for (isize j = start; j < min_isize(classes, start + GROUP); j++) {
            real q = p[j] / sum, own = t[j] * keep + add;
            piece += FN(is_clipped)(q) ? 0 : own;
        }
        total += (double)piece;
    }
    for (isize j = 0; j < classes; j++) {
        real q = p[j] / sum;
        real e = FN(is_clipped)(q) ? 0 : (t[j] * keep + add) / q;
        dpred[j] = dloss * ((real)total - e) / sum;
    }
}

static void FN(probs_back_part)(const void *args, isize start, isize stop)
{
    const FN(cross_entropy_probs_backward_args) *a = args;
    const real keep = (real)(1 - a->smoothing), add = (real)(a->smoothing / (double)max_isize(a->classes, 1));
    for (isize i = start; i < stop; i++)
        FN(soft_target_probs_row)(a->pred + i * a->classes, a->target + i * a->classes, a->dloss[i], keep, add, a->classes, a->dpred + i * a->classes);
}
pydl_status FN(cross_entropy_probs_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(cross_entropy_probs_backward_args) *a = args;
    return run_parts(ctx, a->n * a->classes > PARALLEL_MIN, a->n, rows_of_classes(a->classes), FN(probs_back_part), a);
}

pydl_status FN(label_mask)(const pydl_ctx *ctx, const void *args)
{
    const FN(label_mask_args) *a = args;
    (void)ctx;
    for (isize i = 0; i < a->n; i++) {
        isize label = 0;
        a->mask[i] = !(label_read(a->labels, a->label_code, i, &label) && label == a->ignore);
    }
    return PYDL_OK;
}

/* ---- the mean ---- */

/* weight and mask of value i */
static inline double FN(use_of)(const real *weights, isize repeat, const real *mask, isize i)
{
    return (weights ? (double)weights[i / repeat] : 1) * (mask ? (double)mask[i] : 1);
}

isize FN(weighted_mean_forward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(weighted_mean_forward_args) *a = args;
    (void)ctx;
    return 2 * ceil_div(a->n, BLOCK) * (isize)sizeof(double);
}

/* Adds up the values of a block and what the divisor counts of them. */
static void FN(weighted_part)(const void *args, isize start, isize end)
{
    const FN(weighted_mean_forward_args) *a = args;
    double total = 0, divisor = 0, *partial = a->scratch;
    if (!a->weights && !a->mask) {
        #pragma omp simd reduction(+ : total)
        for (isize i = start; i < end; i++) total += (double)a->values[i];
        divisor = (double)(end - start);
    } else {
        for (isize i = start; i < end; i++) {
            double use = FN(use_of)(a->weights, a->repeat, a->mask, i);
            total += use == 0 ? 0 : use * (double)a->values[i];       /* what is left out may be NaN */
            divisor += a->by == 2 ? use : a->mask ? (double)a->mask[i] : 1;
        }
    }
    partial[2 * (start / BLOCK)] = total;
    partial[2 * (start / BLOCK) + 1] = divisor;
}

pydl_status FN(weighted_mean_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(weighted_mean_forward_args) *a = args;
    const isize blocks = ceil_div(a->n, BLOCK);
    const double *partial = a->scratch;
    double sum = 0, divisor = 0;
    run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, FN(weighted_part), a);
    for (isize b = 0; b < blocks; b++) {
        sum += partial[2 * b];
        divisor += partial[2 * b + 1];
    }
    *a->share = a->by == 0 ? 1 : divisor == 0 ? 0 : 1 / divisor;
    *a->result = (real)(sum * *a->share);
    return PYDL_OK;
}

static void FN(weighted_back_part)(const void *args, isize start, isize stop)
{
    const FN(weighted_mean_backward_args) *a = args;
    const double each = (double)*a->dresult * *a->share;
    for (isize i = start; i < stop; i++) a->dvalues[i] = (real)(each * FN(use_of)(a->weights, a->repeat, a->mask, i));
}
pydl_status FN(weighted_mean_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(weighted_mean_backward_args) *a = args;
    return run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, FN(weighted_back_part), a);
}

#endif
