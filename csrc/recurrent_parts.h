/* What the two passes of the recurrent kernels share: groups of rows, copies of rows, products of a step. */
#ifndef real
#ifndef PYDL_RECURRENT_PARTS_H
#define PYDL_RECURRENT_PARTS_H
#include "internal.h"
#include "gemm.h"
#include "recurrent.h"

/* Rows of a batch go through the steps in groups of at most so many: their states stay in the second-level cache. */
#define RECURRENT_ROWS ((isize)64)

/* Reals of weights that all steps find in the second-level cache; larger ones are fetched while those before them are multiplied. */
#define STEP_WEIGHTS ((isize)1 << 18)

static inline isize gates_of(isize cell)
{
    return cell == RECURRENT_TANH ? 1 : cell == RECURRENT_LSTM ? 4 : cell == RECURRENT_GRU_SIMPLE ? 2 : 3;
}
static inline isize round_up(isize n, isize step) { return ceil_div(n, step) * step; }

/* How many groups the n rows make for so many threads; each takes its rows through all steps, and no group waits for another. */
static inline isize row_groups(const pydl_ctx *ctx, isize n, double work)
{
    const isize threads = work > 1e6 ? max_isize(1, min_isize(ctx->threads, n / 2)) : 1;
    return threads * ceil_div(n, threads * RECURRENT_ROWS);
}

/* The places of the live steps among them all, by step and row of the batch: places (t, n), or NULL where every step is live.  Returns how many there are. */
static inline isize number_places(const uint8_t *mask, isize n, isize t, isize backwards, isize *places)
{
    if (!mask) return n * t;
    isize count = 0;
    for (isize s = 0; s < t; s++)
        for (isize row = 0; row < n; row++) {
            places[s * n + row] = count;
            count += mask[row * t + (backwards ? t - 1 - s : s)] != 0;
        }
    return count;
}
static inline isize place_of(const isize *places, isize n, isize s, isize row) { return places ? places[s * n + row] : s * n + row; }
#define EACH_REAL "recurrent_parts.h"
#include "each_real.h"
#endif
#else

/* Rows of the buffers that products read: whole vectors, and not a power of two apart, so that they fall into different sets of the cache. */
static inline isize FN(pitch)(isize width) { return (ceil_div(width, FN(LANES)) + 1) * FN(LANES); }

ALWAYS_INLINE void FN(copy)(const real *from, isize n, real *to)
{
    isize i = 0;
    for (; i + FN(LANES) <= n; i += FN(LANES)) FN(vstore)(to + i, FN(vload)(from + i));
    if (i < n) FN(vstore_mask)(to + i, FN(mask_of)(n - i), FN(vload_mask)(from + i, FN(mask_of)(n - i)));
}
static inline void FN(clear)(real *to, isize n) { memset(to, 0, (size_t)n * sizeof(real)); }

/* y = drop ? x * drop : x */
static inline void FN(dropped)(const real *x, const real *drop, isize n, real *y)
{
    if (drop)
        for (isize u = 0; u < n; u++) y[u] = x[u] * drop[u];
    else FN(copy)(x, n, y);
}

/* y (panels NR,) = x (k,) B + bias, B packed, for panels first, first + step, ...: `pair` of them side by side, the sums in `chains` over every so
   many-th term, so that no addition waits for the one before. */
ALWAYS_INLINE void FN(row_core)(const real *x, isize k, const real *b, isize panel, const int pair, const int chains, const real *bias, real *y)
{
    FN(vec) acc[4][4];
    #pragma GCC unroll 4
    for (int c = 0; c < chains; c++)
        #pragma GCC unroll 4
        for (int v = 0; v < 2 * pair; v++) acc[c][v] = FN(vzero)();
    isize i = 0;
    for (; i + chains <= k; i += chains)
        #pragma GCC unroll 4
        for (int c = 0; c < chains; c++) {
            const FN(vec) factor = FN(vset)(x[i + c]);
            #pragma GCC unroll 4
            for (int v = 0; v < 2 * pair; v++)
                acc[c][v] = FN(vfma)(factor, FN(vload)(b + v / 2 * panel + (i + c) * FN(GEMM_NR) + v % 2 * FN(LANES)), acc[c][v]);
        }
    for (; i < k; i++)
        #pragma GCC unroll 4
        for (int v = 0; v < 2 * pair; v++)
            acc[0][v] = FN(vfma)(FN(vset)(x[i]), FN(vload)(b + v / 2 * panel + i * FN(GEMM_NR) + v % 2 * FN(LANES)), acc[0][v]);
    #pragma GCC unroll 4
    for (int v = 0; v < 2 * pair; v++) {
        FN(vec) sum = acc[0][v];
        #pragma GCC unroll 4
        for (int c = 1; c < chains; c++) sum = sum + acc[c][v];
        if (bias) sum = sum + FN(vload)(bias + v * FN(LANES));
        FN(vstore)(y + v * FN(LANES), sum);
    }
}

/* y (n rounded up to NR,) = x (k,) B + bias: a batch of one, which waits for the weights to come out of the second-level cache.  Every other step takes
   the panels from the last to the first: those read last are still in the first-level cache. */
static inline void FN(row_product)(const real *x, isize k, isize n, const real *packed, isize panel, const real *bias, isize backwards, real *y)
{
    const isize nr = FN(GEMM_NR), panels = ceil_div(n, nr), pairs = panels / 2, single = panels % 2;
    for (isize step = 0; step < pairs + single; step++) {
        const isize at = backwards ? pairs + single - 1 - step : step;
        const real *b = packed + 2 * at * panel, *bias_here = bias ? bias + 2 * at * nr : NULL;
        if (at < pairs) FN(row_core)(x, k, b, panel, 2, 2, bias_here, y + 2 * at * nr);
        else FN(row_core)(x, k, b, panel, 1, 4, bias_here, y + 2 * at * nr);
    }
}

/* c (rows, n) = (accumulate ? c : 0) + a B + bias, B (k, n) packed; as many panels at a time as stay in the second-level cache for all rows.
   next: the packed B of the next product, if B and it are to be fetched before they are used. */
static inline void FN(step_product)(const real *a, isize a_row, isize rows, isize k, isize n, const real *packed, isize panel, const real *next,
                                    const real *bias, isize accumulate, real *c, isize c_row)
{
    const isize width = rows <= 2 ? n : max_isize(1, 65536 / (max_isize(k, 1) * FN(GEMM_NR))) * FN(GEMM_NR);
    for (isize j = 0; j < n; j += width) {
        const FN(gemm_block_args) block = {
            .m = rows, .n = min_isize(width, n - j), .k = k, .a = a, .a_row = a_row, .a_col = 1, .segments = 1, .b = packed + j / FN(GEMM_NR) * panel,
            .b_pitch = FN(GEMM_NR), .b_panel = panel, .ahead = next && j + width < n ? packed + (j + width) / FN(GEMM_NR) * panel : next,
            .bias = bias ? bias + j : NULL, .accumulate = accumulate, .c = c + j, .c_row = c_row
        };
        FN(gemm_block)(&block);
    }
}
#endif
