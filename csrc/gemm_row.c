/* Products with one row or column, or a few: what is read once is read from end to end, and not packed. */
#ifndef real
#include "internal.h"
#include "simd.h"
#include "gemm_row.h"
#define EACH_REAL "gemm_row.c"
#include "each_real.h"
#else

enum { FN(VL) = FN(LANES) };

/* The epilogue for n elements of C, whose products stand in y: element j is c[j * c_step], its bias is bias[j * bias_step]. */
ALWAYS_INLINE void FN(finish_steps)(const FN(gemm_args) *g, const real *y, isize n, const real *bias, const isize bias_step, real *c, const isize c_step)
{
    const real low = g->activation == GEMM_RELU ? 0 : -(real)INFINITY;
    if (g->accumulate)
        for (isize j = 0; j < n; j++) {
            const real x = c[j * c_step] + y[j] + (bias ? bias[j * bias_step] : 0);
            c[j * c_step] = x < low ? low : x;
        }
    else if (bias)
        for (isize j = 0; j < n; j++) {
            const real x = y[j] + bias[j * bias_step];
            c[j * c_step] = x < low ? low : x;
        }
    else
        for (isize j = 0; j < n; j++) c[j * c_step] = y[j] < low ? low : y[j];
}
static void FN(finish)(const FN(gemm_args) *g, const real *y, isize n, const real *bias, isize bias_step, real *c, isize c_step)
{
    if (c_step == 1 && bias_step == 1) FN(finish_steps)(g, y, n, bias, 1, c, 1);
    else FN(finish_steps)(g, y, n, bias, bias_step, c, c_step);
}

/* y[v] = sum_p x[p] b[p, v] for `vecs` vectors; `sums` partial sums over p where one chain of additions would be waited for. */
ALWAYS_INLINE void FN(row_core)(const real *x, isize x_step, const real *b, isize pitch, isize k, isize tail, const int vecs, const int sums, real *y)
{
    FN(vec) acc[4][8];
    const FN(vmask) mask = FN(mask_of)(tail);
    #pragma GCC unroll 4
    for (int s = 0; s < sums; s++)
        #pragma GCC unroll 8
        for (int v = 0; v < vecs; v++) acc[s][v] = FN(vzero)();
    isize p = 0;
    for (; p + sums <= k; p += sums)
        #pragma GCC unroll 4
        for (int s = 0; s < sums; s++) {
            const FN(vec) factor = FN(vset)(x[(p + s) * x_step]);
            #pragma GCC unroll 8
            for (int v = 0; v < vecs; v++) {
                const real *at = b + (p + s) * pitch + v * FN(VL);
                acc[s][v] = FN(vfma)(factor, v == vecs - 1 ? FN(vload_mask)(at, mask) : FN(vload)(at), acc[s][v]);
            }
        }
    for (; p < k; p++)
        #pragma GCC unroll 8
        for (int v = 0; v < vecs; v++) {
            const real *at = b + p * pitch + v * FN(VL);
            acc[0][v] = FN(vfma)(FN(vset)(x[p * x_step]), v == vecs - 1 ? FN(vload_mask)(at, mask) : FN(vload)(at), acc[0][v]);
        }
    #pragma GCC unroll 8
    for (int v = 0; v < vecs; v++) {
        FN(vec) sum = acc[0][v];
        #pragma GCC unroll 4
        for (int s = 1; s < sums; s++) sum = sum + acc[s][v];
        FN(vstore)(y + v * FN(VL), sum);
    }
}

/* y (n,) = x (k,) B for n <= 8 vectors: whole rows of B stream through the registers. */
static void FN(short_row)(const real *x, isize x_step, const real *b, isize pitch, isize k, isize n, real *y)
{
    const isize vecs = ceil_div(n, FN(VL)), tail = n - (vecs - 1) * FN(VL);
    switch (vecs) {
    case 1: FN(row_core)(x, x_step, b, pitch, k, tail, 1, 4, y); break;
    case 2: FN(row_core)(x, x_step, b, pitch, k, tail, 2, 4, y); break;
    case 3: FN(row_core)(x, x_step, b, pitch, k, tail, 3, 2, y); break;
    case 4: FN(row_core)(x, x_step, b, pitch, k, tail, 4, 2, y); break;
    case 5: FN(row_core)(x, x_step, b, pitch, k, tail, 5, 1, y); break;
    case 6: FN(row_core)(x, x_step, b, pitch, k, tail, 6, 1, y); break;
    case 7: FN(row_core)(x, x_step, b, pitch, k, tail, 7, 1, y); break;
    default: FN(row_core)(x, x_step, b, pitch, k, tail, 8, 1, y);
    }
}

/* y (n,) = x (k,) B for long rows: eight rows of B at a time, each read from end to end. */
static void FN(long_row)(const real *x, isize x_step, const real *b, isize pitch, isize k, isize n, real *y)
{
    memset(y, 0, (size_t)n * sizeof(real));
    for (isize p = 0; p < k; p += 8) {
        const isize rows = min_isize(8, k - p);
        FN(vec) factor[8];
        for (int r = 0; r < 8; r++) factor[r] = FN(vset)(r < rows ? x[(p + r) * x_step] : 0);
        const real *at = b + p * pitch;
        isize j = 0;
        if (rows == 8)
            for (; j + 2 * FN(VL) <= n; j += 2 * FN(VL)) {
                FN(vec) s = FN(vload)(y + j), t = FN(vload)(y + j + FN(VL));
                #pragma GCC unroll 8
                for (int r = 0; r < 8; r++) {
                    s = FN(vfma)(factor[r], FN(vload)(at + r * pitch + j), s);
                    t = FN(vfma)(factor[r], FN(vload)(at + r * pitch + j + FN(VL)), t);
                }
                FN(vstore)(y + j, s);
                FN(vstore)(y + j + FN(VL), t);
            }
        for (; j < n; j += FN(VL)) {
            const FN(vmask) mask = FN(mask_of)(min_isize(FN(VL), n - j));
            FN(vec) s = FN(vload_mask)(y + j, mask);
            for (isize r = 0; r < rows; r++) s = FN(vfma)(factor[r], FN(vload_mask)(at + r * pitch + j, mask), s);
            FN(vstore_mask)(y + j, mask, s);
        }
    }
}

enum { FN(ROW) = 1024, FN(SHORT) = 8 * FN(LANES) };                     /* most columns of a task of row_product; those of a short row */

/* c (1, n) = x (k,) B, B with rows pitch apart: columns j0 .. stop - 1. */
typedef struct { const FN(gemm_args) *g; const real *x; isize x_step; const real *b; isize pitch; int few; } FN(row);

static void FN(row_part)(const void *data, isize j0, isize stop)
{
    const FN(row) *d = data;
    const FN(gemm_args) *g = d->g;
    const isize n = stop - j0;
    real y[FN(ROW)];
    if (d->few) FN(short_row)(d->x, d->x_step, d->b + j0, d->pitch, g->k, n, y);
    else FN(long_row)(d->x, d->x_step, d->b + j0, d->pitch, g->k, n, y);
    FN(finish)(g, y, n, g->bias ? g->bias + j0 : NULL, 1, g->c + j0, 1);
}
void FN(gemm_row_product)(const pydl_ctx *ctx, const FN(gemm_args) *g, const real *x, isize x_step, const real *b, isize pitch, isize n)
{
    const int few = n <= 4 * FN(SHORT);                                 /* by the shape alone: the two sum in another order */
    const isize share = ceil_div(ceil_div(n, ctx->threads), 64) * 64;   /* a thread reads rows as long as they come: by quarters of 1024 columns 0.75x */
    run_parts(ctx, n * g->k > 1000000, n, few ? FN(SHORT) : min_isize(FN(ROW), share), FN(row_part),
              &(FN(row)){ g, x, x_step, b, pitch, few });
}

/* y[i, j] = r[i, :] . x[j, :]   for `rows` rows of r and one or two of x; y has rows of two. */
ALWAYS_INLINE void FN(dots_core)(const real *r, isize pitch, const real *x, isize x_pitch, isize k, const int rows, const int vectors, real *y)
{
    FN(vec) acc[4][2];
    #pragma GCC unroll 4
    for (int i = 0; i < rows; i++) acc[i][0] = acc[i][1] = FN(vzero)();
    isize p = 0;
    const isize step = vectors == 1 ? 2 * FN(VL) : FN(VL);              /* one vector alone gets two sums, so that no addition waits for the one before */
    for (; p + step <= k; p += step) {
        const FN(vec) s = FN(vload)(x + p), t = FN(vload)(vectors == 1 ? x + p + FN(VL) : x + x_pitch + p);
        #pragma GCC unroll 4
        for (int i = 0; i < rows; i++) {
            const FN(vec) u = FN(vload)(r + i * pitch + p);
            acc[i][0] = FN(vfma)(s, u, acc[i][0]);
            acc[i][1] = FN(vfma)(t, vectors == 1 ? FN(vload)(r + i * pitch + p + FN(VL)) : u, acc[i][1]);
        }
    }
    for (; p < k; p += FN(VL)) {
        const FN(vmask) mask = FN(mask_of)(min_isize(FN(VL), k - p));
        const FN(vec) s = FN(vload_mask)(x + p, mask), t = vectors == 1 ? FN(vzero)() : FN(vload_mask)(x + x_pitch + p, mask);
        #pragma GCC unroll 4
        for (int i = 0; i < rows; i++) {
            const FN(vec) u = FN(vload_mask)(r + i * pitch + p, mask);
            acc[i][0] = FN(vfma)(s, u, acc[i][0]);
            if (vectors == 2) acc[i][1] = FN(vfma)(t, u, acc[i][1]);
        }
    }
    #pragma GCC unroll 4
    for (int i = 0; i < rows; i++) {
        if (vectors == 1) acc[i][0] = acc[i][0] + acc[i][1];
        y[2 * i] = FN(vsum)(acc[i][0]);
        if (vectors == 2) y[2 * i + 1] = FN(vsum)(acc[i][1]);
    }
}

/* At most sixteen rows. */
static void FN(dots_part)(const void *data, isize first, isize stop)
{
    const FN(gemm_dots) *d = data;
    const FN(gemm_args) *g = d->g;
    const isize here = stop - first, pitch = d->pitch, k = g->k;
    const real *r = d->r + first * pitch;
    for (isize j = 0; j < d->vectors; j += 2) {
        real y[32], column[16];
        const real *x = d->x + j * d->x_pitch;
        const isize here_too = min_isize(2, d->vectors - j);
        isize i = 0;
        if (here_too == 2) {
            for (; i + 4 <= here; i += 4) FN(dots_core)(r + i * pitch, pitch, x, d->x_pitch, k, 4, 2, y + 2 * i);
            for (; i < here; i++) FN(dots_core)(r + i * pitch, pitch, x, d->x_pitch, k, 1, 2, y + 2 * i);
        } else {
            for (; i + 4 <= here; i += 4) FN(dots_core)(r + i * pitch, pitch, x, 0, k, 4, 1, y + 2 * i);
            for (; i < here; i++) FN(dots_core)(r + i * pitch, pitch, x, 0, k, 1, 1, y + 2 * i);
        }
        for (isize v = 0; v < here_too; v++) {
            for (i = 0; i < here; i++) column[i] = y[2 * i + v];
            FN(finish)(g, column, here, g->bias ? g->bias + first * d->bias_row + (j + v) * d->bias_col : NULL, d->bias_row,
                       g->c + first * d->c_row + (j + v) * d->c_col, d->c_row);
        }
    }
}
void FN(gemm_dot_products)(const pydl_ctx *ctx, const FN(gemm_dots) *d)
{
    run_parts(ctx, d->count * d->vectors * d->g->k > 1000000, d->count, 16, FN(dots_part), d);
}
#endif
