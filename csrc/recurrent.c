#ifndef real
#include "internal.h"
#include "vecmath.h"
#include "gemm.h"
#include "dense.h"
#include "recurrent.h"

static isize gates_of(isize cell) { return cell == RECURRENT_TANH ? 1 : cell == RECURRENT_LSTM ? 4 : 3; }

/* Whether any of `count` rows of the mask has a live step t. */
static int any_live(const uint8_t *mask, isize steps, isize t, isize count)
{
    if (!mask) return 1;
    for (isize i = 0; i < count; i++)
        if (mask[i * steps + t]) return 1;
    return 0;
}

#define EACH_REAL "recurrent.c"
#include "each_real.h"
#else

/* Rows of the buffers that products read: not a power of two apart, so that they fall into different sets of the cache. */
static isize FN(pitch)(isize width) { return (ceil_div(width, FN(LANES)) + 1) * FN(LANES); }

/* Each thread takes a run of rows through all steps: no barrier between them. */
static isize FN(row_blocks)(const pydl_ctx *ctx, isize n, isize t, isize units, isize gates)
{
    const double work = (double)n * (double)t * (double)units * (double)(gates * units);
    return work > 1e6 ? max_isize(1, min_isize(ctx->threads, n / 2)) : 1;
}

static void FN(pack)(const pydl_ctx *ctx, const real *b, isize b_row, isize b_col, isize k, isize n, real *packed)
{
    const isize panels = ceil_div(n, FN(GEMM_NR));
    #pragma omp parallel for num_threads(ctx->threads) schedule(static) if (k * n > PARALLEL_MIN * 4)
    for (isize panel = 0; panel < panels; panel++) FN(gemm_pack_panels)(b, b_row, b_col, k, n, panel, panel + 1, packed);
}

/* c (rows, n) = (accumulate ? c : 0) + a B, B (k, n) packed; as many panels at a time as stay in the second-level cache for all rows. */
static void FN(step_product)(const real *a, isize a_row, isize rows, isize k, isize n, const real *packed, isize accumulate, real *c, isize c_row)
{
    const isize width = rows <= 2 ? n : max_isize(1, 65536 / (k * FN(GEMM_NR))) * FN(GEMM_NR);
    for (isize j = 0; j < n; j += width) {
        const FN(gemm_block_args) block = {
            .m = rows, .n = min_isize(width, n - j), .k = k, .a = a, .a_row = a_row, .a_col = 1, .segments = 1,
            .b = packed + j * k, .b_pitch = FN(GEMM_NR), .b_panel = FN(GEMM_NR) * k, .accumulate = accumulate, .c = c + j, .c_row = c_row
        };
        FN(gemm_block)(&block);
    }
}

static void FN(copy)(const real *from, isize n, real *to) { memcpy(to, from, (size_t)n * sizeof(real)); }
static void FN(clear)(real *to, isize n) { memset(to, 0, (size_t)n * sizeof(real)); }

/* y = drop ? x * drop : x */
static void FN(dropped)(const real *x, const real *drop, isize n, real *y)
{
    if (drop)
        for (isize u = 0; u < n; u++) y[u] = x[u] * drop[u];
    else FN(copy)(x, n, y);
}

/* ---- Forward ---- */

/* Where the parts of the scratch start, in reals. */
typedef struct { isize packed, packed_candidate, state, reset, product, zero, dense, end; } FN(forward_parts);

static FN(forward_parts) FN(forward_layout)(const FN(recurrent_forward_args) *a)
{
    const isize u = a->units, width = gates_of(a->cell) * u, before = a->cell == RECURRENT_GRU_BEFORE;
    FN(forward_parts) p = { 0 };
    p.packed_candidate = p.packed + FN(gemm_packed_size)(u, before ? 2 * u : width);
    p.state = p.packed_candidate + (before ? FN(gemm_packed_size)(u, u) : 0);
    p.reset = p.state + a->n * FN(pitch)(u);
    p.product = p.reset + (before ? a->n * FN(pitch)(u) : 0);
    p.zero = p.product + a->n * FN(pitch)(width);
    p.dense = p.zero + FN(pitch)(u);
    p.end = p.dense;
    return p;
}

static FN(dense_forward_args) FN(input_products)(const FN(recurrent_forward_args) *a)
{
    return (FN(dense_forward_args)){ .x = a->x, .weight = a->kernel, .bias = a->bias, .n = a->n * a->t, .d_in = a->d_in,
                                     .units = gates_of(a->cell) * a->units, .y = a->gates };
}

static void FN(tanh_forward_row)(real *p, const real *q, isize n, real *y)
{
    #pragma omp simd
    for (isize u = 0; u < n; u++) p[u] = y[u] = FN(vec_tanh)(p[u] + q[u]);
}

static void FN(lstm_forward_row)(real *p, const real *q, const real *c, isize n, real *next, real *y)
{
    #pragma omp simd
    for (isize u = 0; u < n; u++) {
        const real i = FN(vec_sigmoid)(p[u] + q[u]), f = FN(vec_sigmoid)(p[n + u] + q[n + u]);
        const real g = FN(vec_tanh)(p[2 * n + u] + q[2 * n + u]), o = FN(vec_sigmoid)(p[3 * n + u] + q[3 * n + u]);
        const real cell = FN(muladd)(f, c[u], i * g);
        p[u] = i;
        p[n + u] = f;
        p[2 * n + u] = g;
        p[3 * n + u] = o;
        next[u] = cell;
        y[u] = o * FN(vec_tanh)(cell);
    }
}

static void FN(gru_forward_row)(real *p, const real *q, const real *bias, const real *h, isize n, real *candidate, real *y)
{
    #pragma omp simd
    for (isize u = 0; u < n; u++) {
        const real bz = bias ? bias[u] : 0, br = bias ? bias[n + u] : 0, bg = bias ? bias[2 * n + u] : 0;
        const real z = FN(vec_sigmoid)(p[u] + (q[u] + bz)), r = FN(vec_sigmoid)(p[n + u] + (q[n + u] + br));
        const real hr = q[2 * n + u] + bg, g = FN(vec_tanh)(FN(muladd)(r, hr, p[2 * n + u]));
        p[u] = z;
        p[n + u] = r;
        p[2 * n + u] = g;
        candidate[u] = hr;
        y[u] = FN(muladd)(z, h[u] - g, g);
    }
}

/* The two halves of a step where the reset comes before the product. */
static void FN(gru_before_gates)(real *p, const real *q, const real *state, isize n, real *saved, real *reset)
{
    #pragma omp simd
    for (isize u = 0; u < n; u++) {
        p[u] = FN(vec_sigmoid)(p[u] + q[u]);
        p[n + u] = FN(vec_sigmoid)(p[n + u] + q[n + u]);
        saved[u] = reset[u] = p[n + u] * state[u];
    }
}
static void FN(gru_before_row)(real *p, const real *q, const real *h, isize n, real *y)
{
    #pragma omp simd
    for (isize u = 0; u < n; u++) {
        const real g = FN(vec_tanh)(p[2 * n + u] + q[2 * n + u]);
        p[2 * n + u] = g;
        y[u] = FN(muladd)(p[u], h[u] - g, g);
    }
}

/* All steps of the rows first <= row < last. */
static void FN(forward_rows)(const FN(recurrent_forward_args) *a, isize first, isize last)
{
    const FN(forward_parts) parts = FN(forward_layout)(a);
    const isize n = a->units, width = gates_of(a->cell) * n, steps = a->t, count = last - first, narrow = FN(pitch)(n), wide = FN(pitch)(width);
    const isize before = a->cell == RECURRENT_GRU_BEFORE;
    real *scratch = a->scratch, *state = scratch + parts.state + first * narrow, *reset = scratch + parts.reset + (before ? first * narrow : 0);
    real *product = scratch + parts.product + first * wide;
    const real *zero = scratch + parts.zero;
    for (isize i = 0; i < count; i++)
        FN(dropped)(a->h0 ? a->h0 + (first + i) * n : zero, a->drop ? a->drop + (first + i) * n : NULL, n, state + i * narrow);
    for (isize s = 0; s < steps; s++) {
        const isize t = a->backwards ? steps - 1 - s : s, t_before = a->backwards ? t + 1 : t - 1;
        if (any_live(a->mask ? a->mask + first * steps : NULL, steps, t, count)) {
            FN(step_product)(state, narrow, count, n, before ? 2 * n : width, scratch, 0, product, wide);
            if (before) {
                for (isize i = 0; i < count; i++)
                    FN(gru_before_gates)(a->gates + ((first + i) * steps + t) * width, product + i * wide, state + i * narrow, n,
                                         a->cells + ((first + i) * steps + t) * n, reset + i * narrow);
                FN(step_product)(reset, narrow, count, n, n, scratch + parts.packed_candidate, 0, product + 2 * n, wide);
            }
        }
        for (isize i = 0; i < count; i++) {
            const isize row = first + i, at = row * steps + t;
            const real *h = s ? a->y + (row * steps + s - 1) * n : a->h0 ? a->h0 + row * n : zero, *q = product + i * wide, *c = NULL;
            real *p = a->gates + at * width, *y = a->y + (row * steps + s) * n, *cells = a->cells ? a->cells + at * n : NULL;
            if (a->cell == RECURRENT_LSTM) c = s ? a->cells + (row * steps + t_before) * n : a->c0 ? a->c0 + row * n : zero;
            if (a->mask && !a->mask[at]) {
                FN(copy)(h, n, y);
                if (c) FN(copy)(c, n, cells);
                else if (cells) FN(clear)(cells, n);
                continue;
            }
            switch (a->cell) {
            case RECURRENT_TANH: FN(tanh_forward_row)(p, q, n, y); break;
            case RECURRENT_LSTM: FN(lstm_forward_row)(p, q, c, n, cells, y); break;
            case RECURRENT_GRU: FN(gru_forward_row)(p, q, a->bias ? a->bias + width : NULL, h, n, cells, y); break;
            default: FN(gru_before_row)(p, q, h, n, y);
            }
            FN(dropped)(y, a->drop ? a->drop + row * n : NULL, n, state + i * narrow);
        }
    }
    for (isize row = first; row < last; row++) {
        FN(copy)(steps ? a->y + (row * steps + steps - 1) * n : a->h0 ? a->h0 + row * n : zero, n, a->h + row * n);
        if (a->cell == RECURRENT_LSTM)
            FN(copy)(steps ? a->cells + (row * steps + (a->backwards ? 0 : steps - 1)) * n : a->c0 ? a->c0 + row * n : zero, n, a->c + row * n);
    }
}

pydl_status FN(recurrent_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(recurrent_forward_args) *a = args;
    const isize n = a->units, gates = gates_of(a->cell), width = gates * n;
    if (a->n == 0 || n == 0) return PYDL_OK;
    const FN(forward_parts) parts = FN(forward_layout)(a);
    real *scratch = a->scratch;
    FN(dense_forward_args) inputs = FN(input_products)(a);
    inputs.scratch = scratch + parts.dense;
    FN(dense_forward)(ctx, &inputs);
    FN(clear)(scratch + parts.zero, FN(pitch)(n));
    if (a->cell == RECURRENT_GRU_BEFORE) {
        FN(pack)(ctx, a->recurrent, width, 1, n, 2 * n, scratch);
        FN(pack)(ctx, a->recurrent + 2 * n, width, 1, n, n, scratch + parts.packed_candidate);
    } else FN(pack)(ctx, a->recurrent, width, 1, n, width, scratch);
    const isize blocks = FN(row_blocks)(ctx, a->n, a->t, n, gates);
    #pragma omp parallel for num_threads((int)blocks) schedule(static) if (blocks > 1)
    for (isize block = 0; block < blocks; block++) FN(forward_rows)(a, a->n * block / blocks, a->n * (block + 1) / blocks);
    return PYDL_OK;
}
isize FN(recurrent_forward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(dense_forward_args) inputs = FN(input_products)(args);
    return FN(forward_layout)(args).end * (isize)sizeof(real) + FN(dense_forward_scratch)(ctx, &inputs);
}

/* ---- Backward ---- */

typedef struct { isize packed, packed_candidate, dh, dc, dp, product, zero, before, products, end; } FN(backward_parts);

static FN(backward_parts) FN(backward_layout)(const FN(recurrent_backward_args) *a)
{
    const isize u = a->units, width = gates_of(a->cell) * u, reset_first = a->cell == RECURRENT_GRU_BEFORE;
    FN(backward_parts) p = { 0 };
    p.packed_candidate = p.packed + FN(gemm_packed_size)(reset_first ? 2 * u : width, u);
    p.dh = p.packed_candidate + (reset_first ? FN(gemm_packed_size)(u, u) : 0);
    p.dc = p.dh + a->n * FN(pitch)(u);
    p.dp = p.dc + (a->cell == RECURRENT_LSTM ? a->n * FN(pitch)(u) : 0);
    p.product = p.dp + a->n * FN(pitch)(width);
    p.zero = p.product + a->n * FN(pitch)(u);
    p.before = p.zero + FN(pitch)(u);
    p.products = p.before + ceil_div(a->n * a->t * u, FN(LANES)) * FN(LANES);
    p.end = p.products;
    return p;
}

/* p holds the gates and becomes their gradient; dp is the gradient by h R where that is another, for the next product.  dh becomes what reaches
   h past the product. */
static void FN(tanh_backward_row)(real *p, isize n, real *dh, real *dp)
{
    #pragma omp simd
    for (isize u = 0; u < n; u++) {
        p[u] = dp[u] = dh[u] * (1 - p[u] * p[u]);
        dh[u] = 0;
    }
}

static void FN(lstm_backward_row)(real *p, const real *c, const real *c_before, isize n, real *dh, real *dc, real *dp)
{
    #pragma omp simd
    for (isize u = 0; u < n; u++) {
        const real i = p[u], f = p[n + u], g = p[2 * n + u], o = p[3 * n + u], tc = FN(vec_tanh)(c[u]);
        const real dcell = FN(muladd)(dh[u] * o, 1 - tc * tc, dc[u]);
        p[u] = dp[u] = dcell * g * (i * (1 - i));
        p[n + u] = dp[n + u] = dcell * c_before[u] * (f * (1 - f));
        p[2 * n + u] = dp[2 * n + u] = dcell * i * (1 - g * g);
        p[3 * n + u] = dp[3 * n + u] = dh[u] * tc * (o * (1 - o));
        dc[u] = dcell * f;
        dh[u] = 0;
    }
}

static void FN(gru_backward_row)(real *p, real *candidate, const real *h, isize n, real *dh, real *dp)
{
    #pragma omp simd
    for (isize u = 0; u < n; u++) {
        const real z = p[u], r = p[n + u], g = p[2 * n + u];
        const real dg = dh[u] * (1 - z) * (1 - g * g);
        p[u] = dp[u] = dh[u] * (h[u] - g) * (z * (1 - z));
        p[n + u] = dp[n + u] = dg * candidate[u] * (r * (1 - r));
        p[2 * n + u] = dg;
        candidate[u] = dp[2 * n + u] = dg * r;
        dh[u] = dh[u] * z;
    }
}

static void FN(gru_before_backward_candidate)(real *p, const real *h, isize n, real *dh, real *dp)
{
    #pragma omp simd
    for (isize u = 0; u < n; u++) {
        const real z = p[u], g = p[2 * n + u];
        p[2 * n + u] = dp[2 * n + u] = dh[u] * (1 - z) * (1 - g * g);
        p[u] = dp[u] = dh[u] * (h[u] - g) * (z * (1 - z));
        dh[u] = dh[u] * z;
    }
}
/* product: the gradient by r h on entry, its part by h on return. */
static void FN(gru_before_backward_reset)(real *p, const real *state, isize n, real *product, real *dp)
{
    #pragma omp simd
    for (isize u = 0; u < n; u++) {
        const real r = p[n + u], dreset = product[u];
        p[n + u] = dp[n + u] = dreset * state[u] * (r * (1 - r));
        product[u] = dreset * r;
    }
}

static void FN(backward_rows)(const FN(recurrent_backward_args) *a, isize first, isize last)
{
    const FN(backward_parts) parts = FN(backward_layout)(a);
    const isize n = a->units, width = gates_of(a->cell) * n, steps = a->t, count = last - first, narrow = FN(pitch)(n), wide = FN(pitch)(width);
    const int lstm = a->cell == RECURRENT_LSTM, reset_first = a->cell == RECURRENT_GRU_BEFORE;
    real *scratch = a->scratch, *dh = scratch + parts.dh + first * narrow, *dc = scratch + parts.dc + (lstm ? first * narrow : 0);
    real *dp = scratch + parts.dp + first * wide, *product = scratch + parts.product + first * narrow;
    const real *zero = scratch + parts.zero;
    for (isize i = 0; i < count; i++) {
        FN(copy)(a->dh ? a->dh + (first + i) * n : zero, n, dh + i * narrow);
        if (lstm) FN(copy)(a->dc ? a->dc + (first + i) * n : zero, n, dc + i * narrow);
    }
    for (isize s = steps - 1; s >= 0; s--) {
        const isize t = a->backwards ? steps - 1 - s : s, t_before = a->backwards ? t + 1 : t - 1;
        const int live = any_live(a->mask ? a->mask + first * steps : NULL, steps, t, count);
        for (isize i = 0; i < count; i++) {
            const isize row = first + i, at = row * steps + t;
            const real *h = s ? a->y + (row * steps + s - 1) * n : a->h0 ? a->h0 + row * n : zero;
            real *p = a->gates + at * width, *cells = a->cells ? a->cells + at * n : NULL, *dh_row = dh + i * narrow, *dp_row = dp + i * wide;
            FN(dropped)(h, a->drop ? a->drop + row * n : NULL, n, scratch + parts.before + at * n);
            if (a->dy) {
                const real *dy = a->dy + (row * steps + s) * n;
                for (isize u = 0; u < n; u++) dh_row[u] += dy[u];
            }
            if (a->mask && !a->mask[at]) {
                FN(clear)(p, width);
                FN(clear)(dp_row, width);
                continue;                                   /* cells of a masked step are 0 (or the c it kept) */
            }
            switch (a->cell) {
            case RECURRENT_TANH: FN(tanh_backward_row)(p, n, dh_row, dp_row); break;
            case RECURRENT_LSTM:
                FN(lstm_backward_row)(p, cells, s ? a->cells + (row * steps + t_before) * n : a->c0 ? a->c0 + row * n : zero, n, dh_row, dc + i * narrow, dp_row);
                break;
            case RECURRENT_GRU: FN(gru_backward_row)(p, cells, h, n, dh_row, dp_row); break;
            default: FN(gru_before_backward_candidate)(p, h, n, dh_row, dp_row);
            }
        }
        if (!live) continue;
        if (reset_first) {
            FN(step_product)(dp + 2 * n, wide, count, n, n, scratch + parts.packed_candidate, 0, product, narrow);
            for (isize i = 0; i < count; i++) {
                const isize at = (first + i) * steps + t;
                if (a->mask && !a->mask[at]) continue;      /* the product of its zeros */
                FN(gru_before_backward_reset)(a->gates + at * width, scratch + parts.before + at * n, n, product + i * narrow, dp + i * wide);
            }
        }
        if (s == 0 && !a->dh0) continue;
        FN(step_product)(dp, wide, count, reset_first ? 2 * n : width, n, scratch, reset_first, product, narrow);
        for (isize i = 0; i < count; i++) {
            const real *drop = a->drop ? a->drop + (first + i) * n : NULL, *q = product + i * narrow;
            real *dh_row = dh + i * narrow;
            if (drop)
                for (isize u = 0; u < n; u++) dh_row[u] += drop[u] * q[u];
            else
                for (isize u = 0; u < n; u++) dh_row[u] += q[u];
        }
    }
    for (isize i = 0; i < count; i++) {
        if (a->dh0) FN(copy)(dh + i * narrow, n, a->dh0 + (first + i) * n);
        if (lstm && a->dc0) FN(copy)(dc + i * narrow, n, a->dc0 + (first + i) * n);
    }
}

/* dkernel and dbias;  dx;  drecurrent's columns first <= j < first + count from the states `before` and their gradients dp (n t, pitch). */
static FN(dense_backward_weight_args) FN(kernel_product)(const FN(recurrent_backward_args) *a)
{
    return (FN(dense_backward_weight_args)){ .x = a->x, .dy = a->gates, .n = a->n * a->t, .d_in = a->d_in, .units = gates_of(a->cell) * a->units,
                                             .dweight = a->dkernel, .dbias = a->dbias };
}
static FN(dense_backward_input_args) FN(input_gradient)(const FN(recurrent_backward_args) *a)
{
    return (FN(dense_backward_input_args)){ .dy = a->gates, .weight = a->kernel, .n = a->n * a->t, .d_in = a->d_in,
                                            .units = gates_of(a->cell) * a->units, .dx = a->dx };
}
static FN(gemm_args) FN(recurrent_product)(const FN(recurrent_backward_args) *a, const real *before, const real *dp, isize pitch, isize first, isize count)
{
    return (FN(gemm_args)){ .m = a->units, .n = count, .k = a->n * a->t, .a = before, .a_row = 1, .a_col = a->units, .b = dp, .b_row = pitch, .b_col = 1,
                            .c = a->drecurrent + first, .c_row = gates_of(a->cell) * a->units };
}

pydl_status FN(recurrent_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(recurrent_backward_args) *a = args;
    const isize n = a->units, gates = gates_of(a->cell), width = gates * n;
    const FN(backward_parts) parts = FN(backward_layout)(a);
    real *scratch = a->scratch, *before = scratch + parts.before;
    FN(clear)(scratch + parts.zero, FN(pitch)(n));
    if (a->cell == RECURRENT_GRU_BEFORE) {
        FN(pack)(ctx, a->recurrent, 1, width, 2 * n, n, scratch);
        FN(pack)(ctx, a->recurrent + 2 * n, 1, width, n, n, scratch + parts.packed_candidate);
    } else FN(pack)(ctx, a->recurrent, 1, width, width, n, scratch);
    if (a->n > 0) {
        const isize blocks = FN(row_blocks)(ctx, a->n, a->t, n, gates);
        #pragma omp parallel for num_threads((int)blocks) schedule(static) if (blocks > 1)
        for (isize block = 0; block < blocks; block++) FN(backward_rows)(a, a->n * block / blocks, a->n * (block + 1) / blocks);
    }
    void *products = scratch + parts.products;
    if (a->dkernel || a->dbias) {
        FN(dense_backward_weight_args) product = FN(kernel_product)(a);
        product.scratch = products;
        FN(dense_backward_weight)(ctx, &product);
    }
    if (a->dbias && a->cell == RECURRENT_GRU) {             /* the second row: the gradient by q differs in the candidate only */
        FN(copy)(a->dbias, 2 * n, a->dbias + width);
        const FN(dense_backward_weight_args) sums = { .dy = a->cells, .n = a->n * a->t, .units = n, .dbias = a->dbias + width + 2 * n };
        FN(dense_backward_weight)(ctx, &sums);
    }
    if (a->drecurrent) {
        const isize apart = gates == 3 ? 2 * n : width;     /* columns whose state and gradient are the plain ones */
        FN(gemm_args) product = FN(recurrent_product)(a, before, a->gates, width, 0, apart);
        product.scratch = products;
        FN(gemm)(ctx, &product);
        if (gates == 3) {
            product = a->cell == RECURRENT_GRU ? FN(recurrent_product)(a, before, a->cells, n, 2 * n, n)
                                               : FN(recurrent_product)(a, a->cells, a->gates + 2 * n, width, 2 * n, n);
            product.scratch = products;
            FN(gemm)(ctx, &product);
        }
    }
    if (a->dx) {
        FN(dense_backward_input_args) product = FN(input_gradient)(a);
        product.scratch = products;
        FN(dense_backward_input)(ctx, &product);
    }
    return PYDL_OK;
}
isize FN(recurrent_backward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(recurrent_backward_args) *a = args;
    const isize n = a->units, width = gates_of(a->cell) * n;
    const FN(dense_backward_weight_args) kernel = FN(kernel_product)(a);
    const FN(dense_backward_input_args) input = FN(input_gradient)(a);
    isize most = max_isize(FN(dense_backward_weight_scratch)(ctx, &kernel), FN(dense_backward_input_scratch)(ctx, &input));
    if (a->drecurrent) {
        const FN(gemm_args) all = FN(recurrent_product)(a, a->gates, a->gates, width, 0, a->cell == RECURRENT_TANH || a->cell == RECURRENT_LSTM ? width : 2 * n);
        most = max_isize(most, FN(gemm_scratch)(ctx, &all));
        if (a->cell == RECURRENT_GRU || a->cell == RECURRENT_GRU_BEFORE) {
            const FN(gemm_args) candidate = FN(recurrent_product)(a, a->gates, a->gates, a->cell == RECURRENT_GRU ? n : width, 2 * n, n);
            most = max_isize(most, FN(gemm_scratch)(ctx, &candidate));
        }
    }
    return FN(backward_layout)(a).end * (isize)sizeof(real) + most;
}
#endif
