#ifndef real
#include "vecmath.h"
#include "loss_parts.h"

#define EACH_REAL "loss_element.c"
#include "each_real.h"
#else

/* out[i] = l(t[i], x[i]), or its derivative by x[i] */
typedef void (*FN(element_core))(const real *x, const real *t, real setting, real *out, isize n);

/* A kernel's arguments beside its core and the core's two numbers. */
typedef struct { const void *args; FN(element_core) core; real setting; double scale; } FN(element_task);

/* Rows of one group, or one row: loss[i] = scale * sum over j of l.  A row of one element is its own sum. */
static void FN(element_part)(const void *task, isize start, isize stop)
{
    const FN(element_task) *k = task;
    const FN(element_loss_forward_args) *a = k->args;
    const isize m = a->m, rows = stop - start;
    const real *x = a->pred + start * m, *t = a->target + start * m;
    real buffer[GROUP];
    if (m == 1) {
        k->core(x, t, k->setting, a->loss + start, rows);
    } else if (m <= GROUP) {
        k->core(x, t, k->setting, buffer, rows * m);
        for (isize i = 0; i < rows; i++) a->loss[start + i] = (real)(FN(row_sum)(buffer + i * m, m) * k->scale);
    } else {
        double total = 0;
        for (isize j = 0; j < m; j += GROUP) {
            k->core(x + j, t + j, k->setting, buffer, min_isize(GROUP, m - j));
            total += FN(row_sum)(buffer, min_isize(GROUP, m - j));
        }
        a->loss[start] = (real)(total * k->scale);
    }
}
static void FN(element_forward)(const pydl_ctx *ctx, const FN(element_loss_forward_args) *a, FN(element_core) core, real setting, double scale)
{
    run_parts(ctx, a->n * a->m > LOSS_PARALLEL_MIN, a->n, rows_of_group(a->m), FN(element_part), &(FN(element_task)){ a, core, setting, scale });
}

static void FN(element_back_part)(const void *task, isize start, isize stop)
{
    const FN(element_task) *k = task;
    const FN(element_loss_backward_args) *a = k->args;
    const isize m = a->m;
    k->core(a->pred + start * m, a->target + start * m, k->setting, a->dpred + start * m, (stop - start) * m);
    for (isize i = start; i < stop; i++) {
        const real factor = (real)((double)a->dloss[i] * k->scale);
        for (isize j = 0; j < m; j++) a->dpred[i * m + j] *= factor;
    }
}
static void FN(element_backward)(const pydl_ctx *ctx, const FN(element_loss_backward_args) *a, FN(element_core) core, real setting, double scale)
{
    run_parts(ctx, a->n * a->m > LOSS_PARALLEL_MIN, a->n, rows_of_group(a->m), FN(element_back_part), &(FN(element_task)){ a, core, setting, scale });
}

static pydl_status FN(mean_forward)(const pydl_ctx *ctx, const FN(element_loss_forward_args) *a, FN(element_core) core)
{
    FN(element_forward)(ctx, a, core, (real)a->setting, 1.0 / (double)a->m);
    return PYDL_OK;
}

static pydl_status FN(mean_backward)(const pydl_ctx *ctx, const FN(element_loss_backward_args) *a, FN(element_core) core)
{
    FN(element_backward)(ctx, a, core, (real)a->setting, 1.0 / (double)a->m);
    return PYDL_OK;
}

static void FN(binary_logits_core)(const real *x, const real *t, real smoothing, real *out, isize n)
{
    for (isize i = 0; i < n; i++) out[i] = FN(vec_softplus)(x[i]) - x[i] * (t[i] * (1 - smoothing) + (real)0.5 * smoothing);
}
static void FN(binary_logits_slope)(const real *x, const real *t, real smoothing, real *out, isize n)
{
    for (isize i = 0; i < n; i++) out[i] = FN(vec_sigmoid)(x[i]) - (t[i] * (1 - smoothing) + (real)0.5 * smoothing);
}
pydl_status FN(binary_cross_entropy_logits_forward)(const pydl_ctx *ctx, const void *args) { return FN(mean_forward)(ctx, args, FN(binary_logits_core)); }
pydl_status FN(binary_cross_entropy_logits_backward)(const pydl_ctx *ctx, const void *args) { return FN(mean_backward)(ctx, args, FN(binary_logits_slope)); }

static void FN(binary_probs_core)(const real *x, const real *t, real smoothing, real *out, isize n)
{
    for (isize i = 0; i < n; i++) {
        real p = FN(clip_prob)(x[i]), target = t[i] * (1 - smoothing) + (real)0.5 * smoothing;
        out[i] = -(target * FN(vec_log)(p) + (1 - target) * FN(vec_log)(1 - p));
    }
}
static void FN(binary_probs_slope)(const real *x, const real *t, real smoothing, real *out, isize n)
{
    for (isize i = 0; i < n; i++) {
        real p = FN(clip_prob)(x[i]), target = t[i] * (1 - smoothing) + (real)0.5 * smoothing;
        out[i] = FN(is_clipped)(x[i]) ? 0 : (p - target) / (p * (1 - p));
    }
}
pydl_status FN(binary_cross_entropy_probs_forward)(const pydl_ctx *ctx, const void *args) { return FN(mean_forward)(ctx, args, FN(binary_probs_core)); }
pydl_status FN(binary_cross_entropy_probs_backward)(const pydl_ctx *ctx, const void *args) { return FN(mean_backward)(ctx, args, FN(binary_probs_slope)); }

static void FN(squared_core)(const real *x, const real *t, real unused, real *out, isize n)
{
    (void)unused;
    for (isize i = 0; i < n; i++) out[i] = (x[i] - t[i]) * (x[i] - t[i]);
}
static void FN(squared_slope)(const real *x, const real *t, real unused, real *out, isize n)
{
    (void)unused;
    for (isize i = 0; i < n; i++) out[i] = 2 * (x[i] - t[i]);
}
pydl_status FN(squared_error_forward)(const pydl_ctx *ctx, const void *args) { return FN(mean_forward)(ctx, args, FN(squared_core)); }
pydl_status FN(squared_error_backward)(const pydl_ctx *ctx, const void *args) { return FN(mean_backward)(ctx, args, FN(squared_slope)); }

static void FN(absolute_core)(const real *x, const real *t, real unused, real *out, isize n)
{
    (void)unused;
    for (isize i = 0; i < n; i++) out[i] = FN(magnitude)(x[i] - t[i]);
}
static void FN(absolute_slope)(const real *x, const real *t, real unused, real *out, isize n)
{
    (void)unused;
    for (isize i = 0; i < n; i++) out[i] = x[i] > t[i] ? 1 : x[i] < t[i] ? -1 : x[i] - t[i];       /* 0 at 0, NaN at NaN */
}
pydl_status FN(absolute_error_forward)(const pydl_ctx *ctx, const void *args) { return FN(mean_forward)(ctx, args, FN(absolute_core)); }
pydl_status FN(absolute_error_backward)(const pydl_ctx *ctx, const void *args) { return FN(mean_backward)(ctx, args, FN(absolute_slope)); }

static void FN(huber_core)(const real *x, const real *t, real delta, real *out, isize n)
{
    for (isize i = 0; i < n; i++) {
        real d = FN(magnitude)(x[i] - t[i]);
        out[i] = d <= delta ? (real)0.5 * d * d : delta * d - (real)0.5 * delta * delta;
    }
}
static void FN(huber_slope)(const real *x, const real *t, real delta, real *out, isize n)
{
    for (isize i = 0; i < n; i++) {
        real d = x[i] - t[i];
        out[i] = d > delta ? delta : d < -delta ? -delta : d;
    }
}
pydl_status FN(huber_forward)(const pydl_ctx *ctx, const void *args) { return FN(mean_forward)(ctx, args, FN(huber_core)); }
pydl_status FN(huber_backward)(const pydl_ctx *ctx, const void *args) { return FN(mean_backward)(ctx, args, FN(huber_slope)); }

/* log cosh d = d + log(1 + e^(-2 d)) - log 2, with |d| for d so that no term is large and negative */
static void FN(log_cosh_core)(const real *x, const real *t, real unused, real *out, isize n)
{
    (void)unused;
    for (isize i = 0; i < n; i++) {
        real d = FN(magnitude)(x[i] - t[i]);
        out[i] = d + FN(vec_log1p)(FN(vec_exp)(-2 * d)) - (real)0.6931471805599453;
    }
}
static void FN(log_cosh_slope)(const real *x, const real *t, real unused, real *out, isize n)
{
    (void)unused;
    for (isize i = 0; i < n; i++) out[i] = FN(vec_tanh)(x[i] - t[i]);
}
pydl_status FN(log_cosh_forward)(const pydl_ctx *ctx, const void *args) { return FN(mean_forward)(ctx, args, FN(log_cosh_core)); }
pydl_status FN(log_cosh_backward)(const pydl_ctx *ctx, const void *args) { return FN(mean_backward)(ctx, args, FN(log_cosh_slope)); }

static inline real FN(at_least)(real x, real low) { return x < low ? low : x; }

static void FN(squared_log_core)(const real *x, const real *t, real unused, real *out, isize n)
{
    (void)unused;
    for (isize i = 0; i < n; i++) {
        real d = FN(vec_log1p)(FN(at_least)(x[i], FN(smallest))) - FN(vec_log1p)(FN(at_least)(t[i], FN(smallest)));
        out[i] = d * d;
    }
}
static void FN(squared_log_slope)(const real *x, const real *t, real unused, real *out, isize n)
{
    (void)unused;
    for (isize i = 0; i < n; i++) {
        real d = FN(vec_log1p)(FN(at_least)(x[i], FN(smallest))) - FN(vec_log1p)(FN(at_least)(t[i], FN(smallest)));
        out[i] = x[i] < FN(smallest) ? 0 : 2 * d / (1 + x[i]);
    }
}
pydl_status FN(squared_log_error_forward)(const pydl_ctx *ctx, const void *args) { return FN(mean_forward)(ctx, args, FN(squared_log_core)); }
pydl_status FN(squared_log_error_backward)(const pydl_ctx *ctx, const void *args) { return FN(mean_backward)(ctx, args, FN(squared_log_slope)); }

static void FN(percentage_core)(const real *x, const real *t, real unused, real *out, isize n)
{
    (void)unused;
    for (isize i = 0; i < n; i++) out[i] = 100 * FN(magnitude)(x[i] - t[i]) / FN(at_least)(FN(magnitude)(t[i]), FN(smallest));
}
static void FN(percentage_slope)(const real *x, const real *t, real unused, real *out, isize n)
{
    (void)unused;
    for (isize i = 0; i < n; i++) {
        real size = 100 / FN(at_least)(FN(magnitude)(t[i]), FN(smallest));
        out[i] = x[i] > t[i] ? size : x[i] < t[i] ? -size : x[i] - t[i];
    }
}
pydl_status FN(percentage_error_forward)(const pydl_ctx *ctx, const void *args) { return FN(mean_forward)(ctx, args, FN(percentage_core)); }
pydl_status FN(percentage_error_backward)(const pydl_ctx *ctx, const void *args) { return FN(mean_backward)(ctx, args, FN(percentage_slope)); }

static void FN(poisson_core)(const real *x, const real *t, real unused, real *out, isize n)
{
    (void)unused;
    for (isize i = 0; i < n; i++) out[i] = x[i] - t[i] * FN(vec_log)(x[i] + FN(smallest));
}
static void FN(poisson_slope)(const real *x, const real *t, real unused, real *out, isize n)
{
    (void)unused;
    for (isize i = 0; i < n; i++) out[i] = 1 - t[i] / (x[i] + FN(smallest));
}
pydl_status FN(poisson_forward)(const pydl_ctx *ctx, const void *args) { return FN(mean_forward)(ctx, args, FN(poisson_core)); }
pydl_status FN(poisson_backward)(const pydl_ctx *ctx, const void *args) { return FN(mean_backward)(ctx, args, FN(poisson_slope)); }

static inline real FN(clip_unit)(real p) { return p < FN(smallest) ? FN(smallest) : p > 1 ? 1 : p; }

static void FN(kl_core)(const real *x, const real *t, real unused, real *out, isize n)
{
    (void)unused;
    for (isize i = 0; i < n; i++) out[i] = FN(clip_unit)(t[i]) * FN(vec_log)(FN(clip_unit)(t[i]) / FN(clip_unit)(x[i]));
}
static void FN(kl_slope)(const real *x, const real *t, real unused, real *out, isize n)
{
    (void)unused;
    for (isize i = 0; i < n; i++) out[i] = x[i] < FN(smallest) || x[i] > 1 ? 0 : -FN(clip_unit)(t[i]) / x[i];
}
pydl_status FN(kl_divergence_forward)(const pydl_ctx *ctx, const void *args)
{
    FN(element_forward)(ctx, args, FN(kl_core), 0, 1);
    return PYDL_OK;
}
pydl_status FN(kl_divergence_backward)(const pydl_ctx *ctx, const void *args)
{
    FN(element_backward)(ctx, args, FN(kl_slope), 0, 1);
    return PYDL_OK;
}

/* 1 where all targets are 0 or 1, so that they stand for -1 and 1: t * (1 + binary) - binary */
static real FN(binary_targets)(const real *t, isize n)
{
    for (isize i = 0; i < n; i++) if (t[i] != 0 && t[i] != 1) return 0;
    return 1;
}

static void FN(hinge_core)(const real *x, const real *t, real binary, real *out, isize n)
{
    for (isize i = 0; i < n; i++) out[i] = FN(at_least)(1 - (t[i] * (1 + binary) - binary) * x[i], 0);
}
static void FN(hinge_slope)(const real *x, const real *t, real binary, real *out, isize n)
{
    for (isize i = 0; i < n; i++) {
        real side = t[i] * (1 + binary) - binary;
        out[i] = 1 - side * x[i] > 0 ? -side : 0;
    }
}
static void FN(squared_hinge_core)(const real *x, const real *t, real binary, real *out, isize n)
{
    for (isize i = 0; i < n; i++) {
        real miss = FN(at_least)(1 - (t[i] * (1 + binary) - binary) * x[i], 0);
        out[i] = miss * miss;
    }
}
static void FN(squared_hinge_slope)(const real *x, const real *t, real binary, real *out, isize n)
{
    for (isize i = 0; i < n; i++) {
        real side = t[i] * (1 + binary) - binary;
        out[i] = -2 * side * FN(at_least)(1 - side * x[i], 0);
    }
}

static pydl_status FN(hinge_mean_forward)(const pydl_ctx *ctx, const FN(element_loss_forward_args) *a, FN(element_core) core)
{
    FN(element_forward)(ctx, a, core, FN(binary_targets)(a->target, a->n * a->m), 1.0 / (double)a->m);
    return PYDL_OK;
}
static pydl_status FN(hinge_mean_backward)(const pydl_ctx *ctx, const FN(element_loss_backward_args) *a, FN(element_core) core)
{
    FN(element_backward)(ctx, a, core, FN(binary_targets)(a->target, a->n * a->m), 1.0 / (double)a->m);
    return PYDL_OK;
}
pydl_status FN(hinge_forward)(const pydl_ctx *ctx, const void *args) { return FN(hinge_mean_forward)(ctx, args, FN(hinge_core)); }
pydl_status FN(hinge_backward)(const pydl_ctx *ctx, const void *args) { return FN(hinge_mean_backward)(ctx, args, FN(hinge_slope)); }
pydl_status FN(squared_hinge_forward)(const pydl_ctx *ctx, const void *args) { return FN(hinge_mean_forward)(ctx, args, FN(squared_hinge_core)); }
pydl_status FN(squared_hinge_backward)(const pydl_ctx *ctx, const void *args) { return FN(hinge_mean_backward)(ctx, args, FN(squared_hinge_slope)); }

#endif
