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

/* Elements of the gradient; rows in a block of an entry that concerns rows only; an entry's blocks. */
static isize FN(elements)(const FN(optim_entry) *e) { return e->rows ? (isize)*e->found * e->width : e->n; }
static isize FN(block_rows)(const FN(optim_entry) *e) { return max_isize(1, BLOCK / max_isize(1, e->width)); }
static isize FN(blocks_of)(const FN(optim_entry) *e)
{
    return e->rows ? ceil_div((isize)*e->found, FN(block_rows)(e)) : ceil_div(e->n, BLOCK);
}
static isize FN(count_blocks)(const FN(optim_entry) *entries, isize count)
{
    isize blocks = 0;
    for (isize k = 0; k < count; k++) blocks += FN(blocks_of)(&entries[k]);
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

/* Row k of the gradient, and what belongs to it. */
static FN(optim_entry) FN(row_of)(const FN(optim_entry) *e, isize k)
{
    FN(optim_entry) part = *e;
    const isize start = (isize)e->rows[k] * e->width;
    part.g += k * e->width;
    part.w += start;
    if (part.s0) part.s0 += start;
    if (part.s1) part.s1 += start;
    if (part.s2) part.s2 += start;
    part.n = e->width;
    return part;
}

/* Asks for what belongs to row k of the gradient: rows of a large table lie in memory, one far from the other.
   A step of Adam on 2048 of a million took 1.6 times as long as of ten thousand without it, 1.3 times with (bench_embedding.py). */
#define ROWS_AHEAD 8
static void FN(fetch_row)(const FN(optim_entry) *e, isize k)
{
    const isize start = (isize)e->rows[k] * e->width, bytes = e->width * (isize)sizeof(real);
    const real *const of[] = { e->w, e->s0, e->s1, e->s2 };
    for (int i = 0; i < 4; i++)
        for (isize b = 0; of[i] && b < bytes; b += 64) __builtin_prefetch((const char *)(of[i] + start) + b, 1);
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

/* A core over all parameters.  hyper NULL: it needs no rates. */
typedef struct {
    const FN(optim_entry) *entries; isize count; const pydl_optim_hyper *hyper; const double *g_scale;
    FN(update_core) core; const void *step;
} FN(update);

/* The blocks first .. last of the concatenated parameters. */
static void FN(update_part)(const void *update, isize first, isize last)
{
    const FN(update) *u = update;
    isize block = 0;
    for (isize k = 0; k < u->count && block < last; k++) {
        const FN(optim_entry) *e = &u->entries[k];
        isize blocks = FN(blocks_of)(e);
        FN(rates) rates = { 0 };
        if (u->hyper) rates = FN(rates_of)(e, u->hyper, u->g_scale, k);
        for (isize b = max_isize(first - block, 0); b < min_isize(last - block, blocks); b++) {
            if (e->rows) {
                const isize rows = FN(block_rows)(e), stop = min_isize((b + 1) * rows, (isize)*e->found);
                for (isize row = b * rows; row < stop; row++) {
                    if (row + ROWS_AHEAD < stop) FN(fetch_row)(e, row + ROWS_AHEAD);
                    FN(optim_entry) part = FN(row_of)(e, row);
                    u->core(&part, &rates, u->step);
                }
                continue;
            }
            FN(optim_entry) part = FN(block_of)(e, b * BLOCK);
            u->core(&part, &rates, u->step);
        }
        block += blocks;
    }
}

static void FN(run_all)(const pydl_ctx *ctx, FN(update) u)
{
    const isize blocks = FN(count_blocks)(u.entries, u.count);
    run_parts(ctx, blocks * BLOCK > PARALLEL_MIN, blocks, max_isize(1, ceil_div(blocks, RUNS)), FN(update_part), &u);
}

static int FN(is_shut)(const int64_t *gate, isize every) { return gate && *gate % every != 0; }

static pydl_status FN(update_all)(const pydl_ctx *ctx, const FN(optim_update_args) *a, FN(update_core) core, const void *step)
{
    if (FN(is_shut)(a->gate, a->every)) return PYDL_OK;
    for (isize k = 0; k < a->count; k++)
        for (isize i = 0; a->entries[k].rows && i < *a->entries[k].found; i++)
            if (a->entries[k].rows[i] < 0 || a->entries[k].rows[i] >= a->entries[k].limit) {
                *ctx->fault = (pydl_fault){ .where = i, .value = (isize)a->entries[k].rows[i], .limit = a->entries[k].limit };
                return PYDL_BAD_INDEX;
            }
    FN(run_all)(ctx, (FN(update)){ a->entries, a->count, a->hyper, a->g_scale, core, step });
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

/* partial: a sum for each of the blocks first .. last. */
static void FN(squares_part)(const void *args, isize first, isize last)
{
    const FN(clip_norm_args) *a = args;
    double *partial = a->scratch;
    isize block = 0;
    for (isize k = 0; k < a->count && block < last; k++) {
        const isize n = FN(elements)(&a->entries[k]), blocks = ceil_div(n, BLOCK);
        for (isize b = max_isize(first - block, 0); b < min_isize(last - block, blocks); b++)
            partial[block + b] = FN(sum_of_squares)(a->entries[k].g + b * BLOCK, min_isize(BLOCK, n - b * BLOCK));
        block += blocks;
    }
}

/* g_scale[k] = sum of g_k^2, the blocks added in order. */
static void FN(sums_of_squares)(const pydl_ctx *ctx, const FN(clip_norm_args) *a)
{
    isize blocks = 0;
    const double *partial = a->scratch;
    for (isize k = 0; k < a->count; k++) blocks += ceil_div(FN(elements)(&a->entries[k]), BLOCK);
    run_parts(ctx, blocks * BLOCK > PARALLEL_MIN, blocks, max_isize(1, ceil_div(blocks, RUNS)), FN(squares_part), a);
    for (isize k = 0; k < a->count; k++) {
        a->g_scale[k] = 0;
        for (isize b = 0; b < ceil_div(FN(elements)(&a->entries[k]), BLOCK); b++) a->g_scale[k] += *partial++;
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
    isize blocks = 0;
    for (isize k = 0; k < a->count; k++) blocks += ceil_div(a->entries[k].n, BLOCK);
    (void)ctx;
    return blocks * (isize)sizeof(double);
}

pydl_status FN(clip_norm)(const pydl_ctx *ctx, const void *args)
{
    const FN(clip_norm_args) *a = args;
    FN(sums_of_squares)(ctx, a);
    for (isize k = 0; k < a->count; k++) a->g_scale[k] = FN(clip_factor)(a->g_scale[k], *a->limit);
    return PYDL_OK;
}

isize FN(clip_global_norm_scratch)(const pydl_ctx *ctx, const void *args) { return FN(clip_norm_scratch)(ctx, args); }

pydl_status FN(clip_global_norm)(const pydl_ctx *ctx, const void *args)
{
    const FN(clip_norm_args) *a = args;
    FN(sums_of_squares)(ctx, a);
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
    FN(run_all)(ctx, (FN(update)){ a->entries, a->count, NULL, NULL, FN(accumulate_core), &step });
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
    FN(run_all)(ctx, (FN(update)){ a->entries, a->count, NULL, NULL, FN(average_core), &momentum });
    if (a->overwrite && *a->iterations % a->overwrite == 0)
        FN(run_all)(ctx, (FN(update)){ a->entries, a->count, NULL, NULL, FN(overwrite_core), NULL });
    return PYDL_OK;
}

/* ---- stochastic gradient descent ---- */

/* A method by what happens to element i: g is its gradient, clipped, r the rates, s the `numbers` of this step.   All is read before anything is
   written: large arrays lie at equal places of their pages, and a load so far behind a store waits for it (Adam, 10 M weights, AMD Zen 2: 1.64x). */
#ifndef METHOD
#define METHOD(name, numbers, ...)                                                                                              \
    static void FN(name)(const FN(optim_entry) *e, const FN(rates) *rates, const void *step)                                    \
    {                                                                                                                           \
        const FN(rates) r = *rates;                                                                                             \
        const numbers s = *(const numbers *)step;                                                                               \
        real *restrict w = e->w, *restrict s0 = e->s0, *restrict s1 = e->s1, *restrict s2 = e->s2;                              \
        const real *restrict gradient = e->g;                                                                                   \
        (void)s, (void)s0, (void)s1, (void)s2;                                                                                  \
        for (isize i = 0; i < e->n; i++) { const real g = FN(clipped)(gradient[i], r); __VA_ARGS__ }                            \
    }
#endif

METHOD(sgd_core, char,
    w[i] = w[i] * r.keep - r.rate * g;)

pydl_status FN(sgd_update)(const pydl_ctx *ctx, const void *args) { return FN(update_all)(ctx, args, FN(sgd_core), &(char){ 0 }); }

METHOD(momentum_core, real,
    const real v = s * s0[i] - r.rate * g;
    w[i] = w[i] * r.keep + v;
    s0[i] = v;)

METHOD(nesterov_core, real,
    const real down = r.rate * g, v = s * s0[i] - down;
    w[i] = w[i] * r.keep + (s * v - down);
    s0[i] = v;)

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

METHOD(averaged_core, FN(averaged_step),
    const real v = s.momentum * s0[i] + (1 - s.momentum) * g;
    w[i] = w[i] * r.keep - r.rate * s.correction * v;
    s0[i] = v;)

METHOD(averaged_nesterov_core, FN(averaged_step),
    const real part = (1 - s.momentum) * g, v = s.momentum * s0[i] + part;
    w[i] = w[i] * r.keep - r.rate * (s.momentum * s.correction * v + part);
    s0[i] = v;)

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

METHOD(rmsprop_core, FN(rmsprop_step),
    const real v = s.rho * s0[i] + (1 - s.rho) * g * g;
    w[i] = w[i] * r.keep - r.rate * g / (real)sqrt(v + s.epsilon);
    s0[i] = v;)

METHOD(rmsprop_momentum_core, FN(rmsprop_step),
    const real v = s.rho * s0[i] + (1 - s.rho) * g * g, m = s.momentum * s1[i] + r.rate * g / (real)sqrt(v + s.epsilon);
    w[i] = w[i] * r.keep - m;
    s0[i] = v;
    s1[i] = m;)

METHOD(rmsprop_centered_core, FN(rmsprop_step),
    const real v = s.rho * s0[i] + (1 - s.rho) * g * g, mean = s.rho * s1[i] + (1 - s.rho) * g;
    w[i] = w[i] * r.keep - r.rate * g / (real)sqrt(v - mean * mean + s.epsilon);
    s0[i] = v;
    s1[i] = mean;)

METHOD(rmsprop_centered_momentum_core, FN(rmsprop_step),
    const real v = s.rho * s0[i] + (1 - s.rho) * g * g, mean = s.rho * s2[i] + (1 - s.rho) * g;
    const real m = s.momentum * s1[i] + r.rate * g / (real)sqrt(v - mean * mean + s.epsilon);
    w[i] = w[i] * r.keep - m;
    s0[i] = v;
    s1[i] = m;
    s2[i] = mean;)

static pydl_status FN(rmsprop_with)(const pydl_ctx *ctx, const FN(optim_update_args) *a, FN(update_core) core)
{
    const pydl_rmsprop_hyper *hyper = a->hyper;
    const FN(rmsprop_step) step = { (real)hyper->rho, (real)hyper->momentum, (real)hyper->epsilon };
    return FN(update_all)(ctx, a, core, &step);
}

pydl_status FN(rmsprop_update)(const pydl_ctx *ctx, const void *args) { return FN(rmsprop_with)(ctx, args, FN(rmsprop_core)); }
pydl_status FN(rmsprop_momentum_update)(const pydl_ctx *ctx, const void *args) { return FN(rmsprop_with)(ctx, args, FN(rmsprop_momentum_core)); }
pydl_status FN(rmsprop_centered_update)(const pydl_ctx *ctx, const void *args) { return FN(rmsprop_with)(ctx, args, FN(rmsprop_centered_core)); }
pydl_status FN(rmsprop_centered_momentum_update)(const pydl_ctx *ctx, const void *args)
{
    return FN(rmsprop_with)(ctx, args, FN(rmsprop_centered_momentum_core));
}

/* ---- Adam and its kin ---- */

/* correction: what the learning rate is multiplied by so that the two running means start unbiased. */
typedef struct { real share_1, share_2, beta_2, epsilon, correction; } FN(adam_step);

static FN(adam_step) FN(adam_numbers)(const pydl_adam_hyper *hyper, double correction)
{
    return (FN(adam_step)){ (real)(1 - hyper->beta_1), (real)(1 - hyper->beta_2), (real)hyper->beta_2, (real)hyper->epsilon, (real)correction };
}

METHOD(adam_core, FN(adam_step),
    const real m = s0[i] + s.share_1 * (g - s0[i]), v = s1[i] + s.share_2 * (g * g - s1[i]);
    w[i] = w[i] * r.keep - r.rate * s.correction * m / ((real)sqrt(v) + s.epsilon);
    s0[i] = m;
    s1[i] = v;)

METHOD(amsgrad_core, FN(adam_step),
    const real m = s0[i] + s.share_1 * (g - s0[i]), v = s1[i] + s.share_2 * (g * g - s1[i]), most = s2[i] > v ? s2[i] : v;
    w[i] = w[i] * r.keep - r.rate * s.correction * m / ((real)sqrt(most) + s.epsilon);
    s0[i] = m;
    s1[i] = v;
    s2[i] = most;)

static pydl_status FN(adam_with)(const pydl_ctx *ctx, const FN(optim_update_args) *a, FN(update_core) core)
{
    const pydl_adam_hyper *hyper = a->hyper;
    double t = (double)(*a->iterations + 1);
    const FN(adam_step) step = FN(adam_numbers)(hyper, sqrt(1 - pow(hyper->beta_2, t)) / (1 - pow(hyper->beta_1, t)));
    return FN(update_all)(ctx, a, core, &step);
}

pydl_status FN(adam_update)(const pydl_ctx *ctx, const void *args) { return FN(adam_with)(ctx, args, FN(adam_core)); }
pydl_status FN(amsgrad_update)(const pydl_ctx *ctx, const void *args) { return FN(adam_with)(ctx, args, FN(amsgrad_core)); }

METHOD(adamax_core, FN(adam_step),
    const real size = g < 0 ? -g : g, old = s.beta_2 * s1[i], m = s0[i] + s.share_1 * (g - s0[i]), v = old > size ? old : size;
    w[i] = w[i] * r.keep - r.rate * s.correction * m / (v + s.epsilon);
    s0[i] = m;
    s1[i] = v;)

pydl_status FN(adamax_update)(const pydl_ctx *ctx, const void *args)
{
    const FN(optim_update_args) *a = args;
    const pydl_adam_hyper *hyper = a->hyper;
    const FN(adam_step) step = FN(adam_numbers)(hyper, 1 / (1 - pow(hyper->beta_1, (double)(*a->iterations + 1))));
    return FN(update_all)(ctx, a, FN(adamax_core), &step);
}

/* m_share, g_share: the factors of s0 and of g in the look-ahead;  v_share: 1 / (1 - beta_2^t). */
typedef struct { real share_1, share_2, epsilon, m_share, g_share, v_share; } FN(nadam_step);

METHOD(nadam_core, FN(nadam_step),
    const real m = s0[i] + s.share_1 * (g - s0[i]), v = s1[i] + s.share_2 * (g * g - s1[i]);
    w[i] = w[i] * r.keep - r.rate * (s.m_share * m + s.g_share * g) / ((real)sqrt(v * s.v_share) + s.epsilon);
    s0[i] = m;
    s1[i] = v;)

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

METHOD(adagrad_core, real,
    const real v = s0[i] + g * g;
    w[i] = w[i] * r.keep - r.rate * g / (real)sqrt(v + s);
    s0[i] = v;)

pydl_status FN(adagrad_update)(const pydl_ctx *ctx, const void *args)
{
    const FN(optim_update_args) *a = args;
    const real step = (real)((const pydl_adagrad_hyper *)a->hyper)->epsilon;
    return FN(update_all)(ctx, a, FN(adagrad_core), &step);
}

typedef struct { real rho, epsilon; } FN(adadelta_step);

METHOD(adadelta_core, FN(adadelta_step),
    const real v = s.rho * s0[i] + (1 - s.rho) * g * g, down = (real)sqrt(s1[i] + s.epsilon) * g / (real)sqrt(v + s.epsilon);
    w[i] = w[i] * r.keep - r.rate * down;
    s1[i] = s.rho * s1[i] + (1 - s.rho) * down * down;
    s0[i] = v;)

pydl_status FN(adadelta_update)(const pydl_ctx *ctx, const void *args)
{
    const FN(optim_update_args) *a = args;
    const pydl_adadelta_hyper *hyper = a->hyper;
    const FN(adadelta_step) step = { (real)hyper->rho, (real)hyper->epsilon };
    return FN(update_all)(ctx, a, FN(adadelta_core), &step);
}

typedef struct { real beta_1, beta_2; } FN(lion_step);

METHOD(lion_core, FN(lion_step),
    const real mix = s.beta_1 * s0[i] + (1 - s.beta_1) * g;
    const real sign = mix > 0 ? 1 : mix < 0 ? -1 : mix;       /* 0 stays 0, NaN stays NaN */
    w[i] = w[i] * r.keep - r.rate * sign;
    s0[i] = s.beta_2 * s0[i] + (1 - s.beta_2) * g;)

pydl_status FN(lion_update)(const pydl_ctx *ctx, const void *args)
{
    const FN(optim_update_args) *a = args;
    const pydl_lion_hyper *hyper = a->hyper;
    const FN(lion_step) step = { (real)hyper->beta_1, (real)hyper->beta_2 };
    return FN(update_all)(ctx, a, FN(lion_core), &step);
}
#endif
