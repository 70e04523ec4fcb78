#ifndef real
#include "internal.h"
#include "optim.h"

/* Parameters are cut into blocks of BLOCK elements, and the row of all blocks into at most this many runs;
   a thread takes whole runs.  Nothing is summed over runs, so their number is a matter of speed only. */
#define RUNS ((isize)64)

#define EACH_REAL "optim.c"
#include "each_real.h"
#else

/* The numbers an entry's blocks share: rate and decay as optim.h says, keep = 1 - rate * decay. */
typedef struct { real rate, keep, g_scale, clip_value; } FN(rates);
/* One block: e's elements [0, n) start at its pointers.  `step`: what the method computed once for this call. */
typedef void (*FN(update_core))(const FN(optim_entry) *e, const FN(rates) *rates, const void *step);

static isize FN(count_blocks)(const FN(optim_entry) *entries, isize count)
{
    isize blocks = 0;
    for (isize k = 0; k < count; k++) blocks += ceil_div(entries[k].n, BLOCK);
    return blocks;
}

static FN(optim_entry) FN(block_of)(const FN(optim_entry) *e, isize start)
{
    FN(optim_entry) part = *e;
    if (part.w) part.w += start;
    if (part.g) part.g += start;
    if (part.s0) part.s0 += start;
    if (part.s1) part.s1 += start;
    if (part.s2) part.s2 += start;
    part.n = min_isize(BLOCK, e->n - start);
    return part;
}

static FN(rates) FN(rates_of)(const FN(optim_entry) *e, const pydl_optim_hyper *hyper, const double *g_scale, isize k)
{
    double rate = hyper->learning_rate * e->lr_scale;
    return (FN(rates)){
        .rate = (real)rate,
        .keep = (real)(1.0 - rate * hyper->weight_decay * e->decay),
        .g_scale = g_scale ? (real)g_scale[k] : 1,
        .clip_value = (real)hyper->clip_value,
    };
}

/* Runs core over the blocks [first, last) of the concatenated parameters.  hyper NULL: the core needs no rates. */
static void FN(update_run)(const FN(optim_entry) *entries, isize count, const pydl_optim_hyper *hyper, const double *g_scale,
                           FN(update_core) core, const void *step, isize first, isize last)
{
    isize block = 0;
    for (isize k = 0; k < count && block < last; k++) {
        isize blocks = ceil_div(entries[k].n, BLOCK);
        FN(rates) rates = { 0 };
        if (hyper) rates = FN(rates_of)(&entries[k], hyper, g_scale, k);
        for (isize b = max_isize(first - block, 0); b < min_isize(last - block, blocks); b++) {
            FN(optim_entry) part = FN(block_of)(&entries[k], b * BLOCK);
            core(&part, &rates, step);
        }
        block += blocks;
    }
}

static void FN(run_all)(const pydl_ctx *ctx, const FN(optim_entry) *entries, isize count, const pydl_optim_hyper *hyper, const double *g_scale,
                        FN(update_core) core, const void *step)
{
    isize blocks = FN(count_blocks)(entries, count), runs = min_isize(blocks, RUNS);
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (blocks * BLOCK > PARALLEL_MIN)
    for (isize run = 0; run < runs; run++)
        FN(update_run)(entries, count, hyper, g_scale, core, step, blocks * run / runs, blocks * (run + 1) / runs);
}

static int FN(is_shut)(const int64_t *gate, isize every) { return gate && *gate % every != 0; }

static pydl_status FN(update_all)(const pydl_ctx *ctx, const FN(optim_update_args) *a, FN(update_core) core, const void *step)
{
    if (FN(is_shut)(a->gate, a->every)) return PYDL_OK;
    FN(run_all)(ctx, a->entries, a->count, a->hyper, a->g_scale, core, step);
    *a->iterations += a->advance;
    return PYDL_OK;
}

/* The gradient as the method sees it.  NaN stays NaN. */
static inline real FN(clipped)(real g, FN(rates) r)
{
    g *= r.g_scale;
    g = r.clip_value < g ? r.clip_value : g;
    return -r.clip_value > g ? -r.clip_value : g;
}

/* ---- clipping ---- */

static double FN(sum_of_squares)(const real *g, isize n)
{
    double sum = 0;
    #pragma omp simd reduction(+ : sum)
    for (isize i = 0; i < n; i++) sum += (double)g[i] * (double)g[i];
    return sum;
}

static void FN(squares_run)(const FN(optim_entry) *entries, isize count, double *partial, isize first, isize last)
{
    isize block = 0;
    for (isize k = 0; k < count && block < last; k++) {
        isize blocks = ceil_div(entries[k].n, BLOCK);
        for (isize b = max_isize(first - block, 0); b < min_isize(last - block, blocks); b++)
            partial[block + b] = FN(sum_of_squares)(entries[k].g + b * BLOCK, min_isize(BLOCK, entries[k].n - b * BLOCK));
        block += blocks;
    }
}

/* squares[k] = sum of g_k^2, the blocks added in order.  partial: (blocks of all entries,). */
static void FN(sums_of_squares)(const pydl_ctx *ctx, const FN(optim_entry) *entries, isize count, double *partial, double *squares)
{
    isize blocks = FN(count_blocks)(entries, count), runs = min_isize(blocks, RUNS);
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (blocks * BLOCK > PARALLEL_MIN)
    for (isize run = 0; run < runs; run++)
        FN(squares_run)(entries, count, partial, blocks * run / runs, blocks * (run + 1) / runs);
    for (isize k = 0; k < count; k++) {
        squares[k] = 0;
        for (isize b = 0; b < ceil_div(entries[k].n, BLOCK); b++) squares[k] += *partial++;
    }
}

/* A norm that is infinite or NaN leaves no direction to keep: the factor is NaN, and so is the step, for all to see. */
static double FN(clip_factor)(double squares, double limit)
{
    double norm = sqrt(squares);
    if (!isfinite(norm)) return NAN;
    return norm > limit ? limit / norm : 1.0;
}

isize FN(clip_norm_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(clip_norm_args) *a = args;
    (void)ctx;
    return FN(count_blocks)(a->entries, a->count) * (isize)sizeof(double);
}

pydl_status FN(clip_norm)(const pydl_ctx *ctx, const void *args)
{
    const FN(clip_norm_args) *a = args;
    FN(sums_of_squares)(ctx, a->entries, a->count, a->scratch, a->g_scale);
    for (isize k = 0; k < a->count; k++) a->g_scale[k] = FN(clip_factor)(a->g_scale[k], *a->limit);
    return PYDL_OK;
}

isize FN(clip_global_norm_scratch)(const pydl_ctx *ctx, const void *args) { return FN(clip_norm_scratch)(ctx, args); }

pydl_status FN(clip_global_norm)(const pydl_ctx *ctx, const void *args)
{
    const FN(clip_norm_args) *a = args;
    FN(sums_of_squares)(ctx, a->entries, a->count, a->scratch, a->g_scale);
    double all = 0;
    for (isize k = 0; k < a->count; k++) all += a->g_scale[k];
    for (isize k = 0; k < a->count; k++) a->g_scale[k] = FN(clip_factor)(all, *a->limit);
    return PYDL_OK;
}

/* ---- around the update ---- */

/* first, scale: whether this call begins a round, and what the sum is multiplied by. */
typedef struct { int first; real scale; } FN(round);

static void FN(accumulate_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const FN(round) r = *(const FN(round) *)step;
    real *restrict sum = e->s0;
    const real *restrict g = e->g;
    (void)rates;
    if (r.first) for (isize i = 0; i < e->n; i++) sum[i] = g[i] * r.scale;
    else for (isize i = 0; i < e->n; i++) sum[i] = (sum[i] + g[i]) * r.scale;
}

pydl_status FN(accumulate_gradients)(const pydl_ctx *ctx, const void *args)
{
    const FN(accumulate_gradients_args) *a = args;
    const FN(round) step = { *a->calls % a->every == 0, (*a->calls + 1) % a->every == 0 ? (real)(1 / (double)a->every) : 1 };
    *a->calls += 1;
    FN(run_all)(ctx, a->entries, a->count, NULL, NULL, FN(accumulate_core), &step);
    return PYDL_OK;
}

static void FN(average_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const real momentum = *(const real *)step;
    real *restrict average = e->s0;
    const real *restrict w = e->w;
    (void)rates;
    for (isize i = 0; i < e->n; i++) average[i] = momentum * average[i] + (1 - momentum) * w[i];
}

static void FN(overwrite_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    (void)rates;
    (void)step;
    memcpy(e->w, e->s0, (size_t)e->n * sizeof(real));
}

pydl_status FN(average_weights)(const pydl_ctx *ctx, const void *args)
{
    const FN(average_weights_args) *a = args;
    const real momentum = *a->iterations <= 1 ? 0 : (real)*a->momentum;
    if (FN(is_shut)(a->gate, a->every)) return PYDL_OK;
    FN(run_all)(ctx, a->entries, a->count, NULL, NULL, FN(average_core), &momentum);
    if (a->overwrite && *a->iterations % a->overwrite == 0) FN(run_all)(ctx, a->entries, a->count, NULL, NULL, FN(overwrite_core), NULL);
    return PYDL_OK;
}

/* ---- stochastic gradient descent ---- */

static void FN(sgd_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    real *restrict w = e->w;
    const real *restrict g = e->g;
    const FN(rates) r = *rates;
    (void)step;
    for (isize i = 0; i < e->n; i++) w[i] = w[i] * r.keep - r.rate * FN(clipped)(g[i], r);
}

pydl_status FN(sgd_update)(const pydl_ctx *ctx, const void *args) { return FN(update_all)(ctx, args, FN(sgd_core), NULL); }

static void FN(momentum_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const FN(rates) r = *rates;
    const real momentum = *(const real *)step;
    real *restrict w = e->w, *restrict v = e->s0;
    const real *restrict g = e->g;
    for (isize i = 0; i < e->n; i++) {
        v[i] = momentum * v[i] - r.rate * FN(clipped)(g[i], r);
        w[i] = w[i] * r.keep + v[i];
    }
}

static void FN(nesterov_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const FN(rates) r = *rates;
    const real momentum = *(const real *)step;
    real *restrict w = e->w, *restrict v = e->s0;
    const real *restrict g = e->g;
    for (isize i = 0; i < e->n; i++) {
        real down = r.rate * FN(clipped)(g[i], r);
        v[i] = momentum * v[i] - down;
        w[i] = w[i] * r.keep + (momentum * v[i] - down);
    }
}

/* The kernels whose only number is the momentum. */
static pydl_status FN(momentum_with)(const pydl_ctx *ctx, const FN(optim_update_args) *a, FN(update_core) core)
{
    const real momentum = (real)((const pydl_sgd_hyper *)a->hyper)->momentum;
    return FN(update_all)(ctx, a, core, &momentum);
}

pydl_status FN(momentum_update)(const pydl_ctx *ctx, const void *args) { return FN(momentum_with)(ctx, args, FN(momentum_core)); }
pydl_status FN(nesterov_update)(const pydl_ctx *ctx, const void *args) { return FN(momentum_with)(ctx, args, FN(nesterov_core)); }

/* correction: 1 / c of optim.h. */
typedef struct { real momentum, correction; } FN(averaged_step);

static void FN(averaged_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const FN(rates) r = *rates;
    const FN(averaged_step) s = *(const FN(averaged_step) *)step;
    const real rate = r.rate * s.correction;
    real *restrict w = e->w, *restrict v = e->s0;
    const real *restrict g = e->g;
    for (isize i = 0; i < e->n; i++) {
        v[i] = s.momentum * v[i] + (1 - s.momentum) * FN(clipped)(g[i], r);
        w[i] = w[i] * r.keep - rate * v[i];
    }
}

static void FN(averaged_nesterov_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const FN(rates) r = *rates;
    const FN(averaged_step) s = *(const FN(averaged_step) *)step;
    const real ahead = s.momentum * s.correction;
    real *restrict w = e->w, *restrict v = e->s0;
    const real *restrict g = e->g;
    for (isize i = 0; i < e->n; i++) {
        real part = (1 - s.momentum) * FN(clipped)(g[i], r);
        v[i] = s.momentum * v[i] + part;
        w[i] = w[i] * r.keep - r.rate * (ahead * v[i] + part);
    }
}

static pydl_status FN(averaged_with)(const pydl_ctx *ctx, const FN(optim_update_args) *a, FN(update_core) core)
{
    const pydl_sgd_hyper *hyper = a->hyper;
    double correction = hyper->bias_correction != 0 ? 1 / (1 - pow(hyper->momentum, (double)(*a->iterations + 1))) : 1;
    const FN(averaged_step) step = { (real)hyper->momentum, (real)correction };
    return FN(update_all)(ctx, a, core, &step);
}

pydl_status FN(averaged_momentum_update)(const pydl_ctx *ctx, const void *args) { return FN(averaged_with)(ctx, args, FN(averaged_core)); }
pydl_status FN(averaged_nesterov_update)(const pydl_ctx *ctx, const void *args) { return FN(averaged_with)(ctx, args, FN(averaged_nesterov_core)); }

/* ---- RMSprop ---- */

typedef struct { real rho, momentum, epsilon; } FN(rmsprop_step);

static void FN(rmsprop_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const FN(rmsprop_step) s = *(const FN(rmsprop_step) *)step;
    const FN(rates) r = *rates;
    real *restrict w = e->w, *restrict v = e->s0;
    const real *restrict g = e->g;
    for (isize i = 0; i < e->n; i++) {
        real grad = FN(clipped)(g[i], r);
        v[i] = s.rho * v[i] + (1 - s.rho) * grad * grad;
        w[i] = w[i] * r.keep - r.rate * grad / (real)sqrt(v[i] + s.epsilon);
    }
}

static void FN(rmsprop_momentum_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const FN(rmsprop_step) s = *(const FN(rmsprop_step) *)step;
    const FN(rates) r = *rates;
    real *restrict w = e->w, *restrict v = e->s0, *restrict m = e->s1;
    const real *restrict g = e->g;
    for (isize i = 0; i < e->n; i++) {
        real grad = FN(clipped)(g[i], r);
        v[i] = s.rho * v[i] + (1 - s.rho) * grad * grad;
        m[i] = s.momentum * m[i] + r.rate * grad / (real)sqrt(v[i] + s.epsilon);
        w[i] = w[i] * r.keep - m[i];
    }
}

static void FN(rmsprop_centered_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const FN(rmsprop_step) s = *(const FN(rmsprop_step) *)step;
    const FN(rates) r = *rates;
    real *restrict w = e->w, *restrict v = e->s0, *restrict mean = e->s1;
    const real *restrict g = e->g;
    for (isize i = 0; i < e->n; i++) {
        real grad = FN(clipped)(g[i], r);
        v[i] = s.rho * v[i] + (1 - s.rho) * grad * grad;
        mean[i] = s.rho * mean[i] + (1 - s.rho) * grad;
        w[i] = w[i] * r.keep - r.rate * grad / (real)sqrt(v[i] - mean[i] * mean[i] + s.epsilon);
    }
}

static void FN(rmsprop_centered_momentum_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const FN(rmsprop_step) s = *(const FN(rmsprop_step) *)step;
    const FN(rates) r = *rates;
    real *restrict w = e->w, *restrict v = e->s0, *restrict m = e->s1, *restrict mean = e->s2;
    const real *restrict g = e->g;
    for (isize i = 0; i < e->n; i++) {
        real grad = FN(clipped)(g[i], r);
        v[i] = s.rho * v[i] + (1 - s.rho) * grad * grad;
        mean[i] = s.rho * mean[i] + (1 - s.rho) * grad;
        m[i] = s.momentum * m[i] + r.rate * grad / (real)sqrt(v[i] - mean[i] * mean[i] + s.epsilon);
        w[i] = w[i] * r.keep - m[i];
    }
}

static pydl_status FN(rmsprop_with)(const pydl_ctx *ctx, const FN(optim_update_args) *a, FN(update_core) core)
{
    const pydl_rmsprop_hyper *hyper = a->hyper;
    const FN(rmsprop_step) step = { (real)hyper->rho, (real)hyper->momentum, (real)hyper->epsilon };
    return FN(update_all)(ctx, a, core, &step);
}

pydl_status FN(rmsprop_update)(const pydl_ctx *ctx, const void *args) { return FN(rmsprop_with)(ctx, args, FN(rmsprop_core)); }
pydl_status FN(rmsprop_momentum_update)(const pydl_ctx *ctx, const void *args) { return FN(rmsprop_with)(ctx, args, FN(rmsprop_momentum_core)); }
pydl_status FN(rmsprop_centered_update)(const pydl_ctx *ctx, const void *args) { return FN(rmsprop_with)(ctx, args, FN(rmsprop_centered_core)); }
pydl_status FN(rmsprop_centered_momentum_update)(const pydl_ctx *ctx, const void *args) { return FN(rmsprop_with)(ctx, args, FN(rmsprop_centered_momentum_core)); }

/* ---- Adam and its kin ---- */

/* correction: what the learning rate is multiplied by so that the two running means start unbiased. */
typedef struct { real share_1, share_2, beta_2, epsilon, correction; } FN(adam_step);

static FN(adam_step) FN(adam_numbers)(const pydl_adam_hyper *hyper, double correction)
{
    return (FN(adam_step)){ (real)(1 - hyper->beta_1), (real)(1 - hyper->beta_2), (real)hyper->beta_2, (real)hyper->epsilon, (real)correction };
}

static void FN(adam_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const FN(adam_step) s = *(const FN(adam_step) *)step;
    const FN(rates) r = *rates;
    const real alpha = r.rate * s.correction;
    real *restrict w = e->w, *restrict m = e->s0, *restrict v = e->s1;
    const real *restrict g = e->g;
    for (isize i = 0; i < e->n; i++) {
        real grad = FN(clipped)(g[i], r);
        m[i] += s.share_1 * (grad - m[i]);
        v[i] += s.share_2 * (grad * grad - v[i]);
        w[i] = w[i] * r.keep - alpha * m[i] / ((real)sqrt(v[i]) + s.epsilon);
    }
}

static void FN(amsgrad_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const FN(adam_step) s = *(const FN(adam_step) *)step;
    const FN(rates) r = *rates;
    const real alpha = r.rate * s.correction;
    real *restrict w = e->w, *restrict m = e->s0, *restrict v = e->s1, *restrict v_max = e->s2;
    const real *restrict g = e->g;
    for (isize i = 0; i < e->n; i++) {
        real grad = FN(clipped)(g[i], r);
        m[i] += s.share_1 * (grad - m[i]);
        v[i] += s.share_2 * (grad * grad - v[i]);
        v_max[i] = v_max[i] > v[i] ? v_max[i] : v[i];
        w[i] = w[i] * r.keep - alpha * m[i] / ((real)sqrt(v_max[i]) + s.epsilon);
    }
}

static pydl_status FN(adam_with)(const pydl_ctx *ctx, const FN(optim_update_args) *a, FN(update_core) core)
{
    const pydl_adam_hyper *hyper = a->hyper;
    double t = (double)(*a->iterations + 1);
    const FN(adam_step) step = FN(adam_numbers)(hyper, sqrt(1 - pow(hyper->beta_2, t)) / (1 - pow(hyper->beta_1, t)));
    return FN(update_all)(ctx, a, core, &step);
}

pydl_status FN(adam_update)(const pydl_ctx *ctx, const void *args) { return FN(adam_with)(ctx, args, FN(adam_core)); }
pydl_status FN(amsgrad_update)(const pydl_ctx *ctx, const void *args) { return FN(adam_with)(ctx, args, FN(amsgrad_core)); }

static void FN(adamax_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const FN(adam_step) s = *(const FN(adam_step) *)step;
    const FN(rates) r = *rates;
    const real alpha = r.rate * s.correction;
    real *restrict w = e->w, *restrict m = e->s0, *restrict u = e->s1;
    const real *restrict g = e->g;
    for (isize i = 0; i < e->n; i++) {
        real grad = FN(clipped)(g[i], r);
        real size = grad < 0 ? -grad : grad, old = s.beta_2 * u[i];
        m[i] += s.share_1 * (grad - m[i]);
        u[i] = old > size ? old : size;
        w[i] = w[i] * r.keep - alpha * m[i] / (u[i] + s.epsilon);
    }
}

pydl_status FN(adamax_update)(const pydl_ctx *ctx, const void *args)
{
    const FN(optim_update_args) *a = args;
    const pydl_adam_hyper *hyper = a->hyper;
    const FN(adam_step) step = FN(adam_numbers)(hyper, 1 / (1 - pow(hyper->beta_1, (double)(*a->iterations + 1))));
    return FN(update_all)(ctx, a, FN(adamax_core), &step);
}

/* m_share, g_share: the factors of s0 and of g in the look-ahead;  v_share: 1 / (1 - beta_2^t). */
typedef struct { real share_1, share_2, epsilon, m_share, g_share, v_share; } FN(nadam_step);

static void FN(nadam_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const FN(nadam_step) s = *(const FN(nadam_step) *)step;
    const FN(rates) r = *rates;
    real *restrict w = e->w, *restrict m = e->s0, *restrict v = e->s1;
    const real *restrict g = e->g;
    for (isize i = 0; i < e->n; i++) {
        real grad = FN(clipped)(g[i], r);
        m[i] += s.share_1 * (grad - m[i]);
        v[i] += s.share_2 * (grad * grad - v[i]);
        w[i] = w[i] * r.keep - r.rate * (s.m_share * m[i] + s.g_share * grad) / ((real)sqrt(v[i] * s.v_share) + s.epsilon);
    }
}

pydl_status FN(nadam_update)(const pydl_ctx *ctx, const void *args)
{
    const FN(optim_update_args) *a = args;
    pydl_nadam_hyper *hyper = a->hyper;
    double t = (double)(*a->iterations + 1);
    double u = hyper->beta_1 * (1 - 0.5 * pow(0.96, t)), u_next = hyper->beta_1 * (1 - 0.5 * pow(0.96, t + 1));
    double u_product = hyper->u_product * u;
    const FN(nadam_step) step = {
        .share_1 = (real)(1 - hyper->beta_1), .share_2 = (real)(1 - hyper->beta_2), .epsilon = (real)hyper->epsilon,
        .m_share = (real)(u_next / (1 - u_product * u_next)), .g_share = (real)((1 - u) / (1 - u_product)),
        .v_share = (real)(1 / (1 - pow(hyper->beta_2, t))),
    };
    if (a->advance && !FN(is_shut)(a->gate, a->every)) hyper->u_product = u_product;
    return FN(update_all)(ctx, a, FN(nadam_core), &step);
}

/* ---- Adagrad, Adadelta, Lion ---- */

static void FN(adagrad_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const FN(rates) r = *rates;
    const real epsilon = *(const real *)step;
    real *restrict w = e->w, *restrict sum = e->s0;
    const real *restrict g = e->g;
    for (isize i = 0; i < e->n; i++) {
        real grad = FN(clipped)(g[i], r);
        sum[i] += grad * grad;
        w[i] = w[i] * r.keep - r.rate * grad / (real)sqrt(sum[i] + epsilon);
    }
}

pydl_status FN(adagrad_update)(const pydl_ctx *ctx, const void *args)
{
    const FN(optim_update_args) *a = args;
    const real step = (real)((const pydl_adagrad_hyper *)a->hyper)->epsilon;
    return FN(update_all)(ctx, a, FN(adagrad_core), &step);
}

typedef struct { real rho, epsilon; } FN(adadelta_step);

static void FN(adadelta_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const FN(adadelta_step) s = *(const FN(adadelta_step) *)step;
    const FN(rates) r = *rates;
    real *restrict w = e->w, *restrict v = e->s0, *restrict moved = e->s1;
    const real *restrict g = e->g;
    for (isize i = 0; i < e->n; i++) {
        real grad = FN(clipped)(g[i], r);
        v[i] = s.rho * v[i] + (1 - s.rho) * grad * grad;
        real down = (real)sqrt(moved[i] + s.epsilon) * grad / (real)sqrt(v[i] + s.epsilon);
        moved[i] = s.rho * moved[i] + (1 - s.rho) * down * down;
        w[i] = w[i] * r.keep - r.rate * down;
    }
}

pydl_status FN(adadelta_update)(const pydl_ctx *ctx, const void *args)
{
    const FN(optim_update_args) *a = args;
    const pydl_adadelta_hyper *hyper = a->hyper;
    const FN(adadelta_step) step = { (real)hyper->rho, (real)hyper->epsilon };
    return FN(update_all)(ctx, a, FN(adadelta_core), &step);
}

typedef struct { real beta_1, beta_2; } FN(lion_step);

static void FN(lion_core)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)
{
    const FN(lion_step) s = *(const FN(lion_step) *)step;
    const FN(rates) r = *rates;
    real *restrict w = e->w, *restrict m = e->s0;
    const real *restrict g = e->g;
    for (isize i = 0; i < e->n; i++) {
        real grad = FN(clipped)(g[i], r), mix = s.beta_1 * m[i] + (1 - s.beta_1) * grad;
        real sign = mix > 0 ? 1 : mix < 0 ? -1 : mix;       /* 0 stays 0, NaN stays NaN */
        m[i] = s.beta_2 * m[i] + (1 - s.beta_2) * grad;
        w[i] = w[i] * r.keep - r.rate * sign;
    }
}

pydl_status FN(lion_update)(const pydl_ctx *ctx, const void *args)
{
    const FN(optim_update_args) *a = args;
    const pydl_lion_hyper *hyper = a->hyper;
    const FN(lion_step) step = { (real)hyper->beta_1, (real)hyper->beta_2 };
    return FN(update_all)(ctx, a, FN(lion_core), &step);
}
#endif
