/* Layer normalisation: rows by themselves, and the gradients of scale and shift down the columns. */
#ifndef real
#include "internal.h"
#include "norm.h"

/* Rows whose sums down the columns are added in real before they go into the double. */
#define ROWS ((isize)64)
/* Groups of rows, at most, whose sums down the columns are kept apart. */
#define GROUPS ((isize)16)
static inline isize layer_group_rows(isize rows) { return max_isize(8, ceil_div(rows, GROUPS)); }
static inline isize layer_groups(isize rows) { return ceil_div(rows, layer_group_rows(rows)); }

static inline int worth_sharing(isize rows, isize c) { return rows > 1 && rows * c > PARALLEL_MIN; }

#define EACH_REAL "norm_layer.c"
#include "each_real.h"
#else

static double FN(row_sum)(const real *x, isize c)
{
    double total = 0;
    for (isize start = 0; start < c; start += 512) {
        real sum = 0;
        const isize end = min_isize(c, start + 512);
        #pragma omp simd reduction(+:sum)
        for (isize j = start; j < end; j++) sum += x[j];
        total += (double)sum;
    }
    return total;
}

static double FN(row_squares)(const real *x, isize c, real mean)
{
    double total = 0;
    for (isize start = 0; start < c; start += 512) {
        real sum = 0;
        const isize end = min_isize(c, start + 512);
        #pragma omp simd reduction(+:sum)
        for (isize j = start; j < end; j++) sum += (x[j] - mean) * (x[j] - mean);
        total += (double)sum;
    }
    return total;
}

static void FN(layer_norm_row)(const FN(layer_norm_forward_args) *a, isize i)
{
    const isize c = a->c;
    const real *x = a->x + i * c;
    real *y = a->y + i * c;
    const double n = (double)max_isize(c, 1);
    const real mean = (real)(FN(row_sum)(x, c) / n), rstd = (real)(1 / sqrt(FN(row_squares)(x, c, mean) / n + a->epsilon));
    a->mean[i] = mean;
    a->rstd[i] = rstd;
    if (a->gamma && a->beta) for (isize j = 0; j < c; j++) y[j] = (x[j] - mean) * rstd * a->gamma[j] + a->beta[j];
    else if (a->gamma) for (isize j = 0; j < c; j++) y[j] = (x[j] - mean) * rstd * a->gamma[j];
    else if (a->beta) for (isize j = 0; j < c; j++) y[j] = (x[j] - mean) * rstd + a->beta[j];
    else for (isize j = 0; j < c; j++) y[j] = (x[j] - mean) * rstd;
}

static void FN(layer_norm_part)(const void *args, isize start, isize stop)
{
    for (isize i = start; i < stop; i++) FN(layer_norm_row)(args, i);
}
pydl_status FN(layer_norm_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(layer_norm_forward_args) *a = args;
    return run_parts(ctx, worth_sharing(a->rows, a->c), a->rows, ROWS, FN(layer_norm_part), a);
}

/* Sums of h and h * xhat over a row, h = dy * gamma. */
static void FN(layer_norm_sums)(const real *dy, const real *x, const real *gamma, isize c, real mean, real rstd, double *of_h, double *of_product)
{
    *of_h = *of_product = 0;
    for (isize start = 0; start < c; start += 512) {
        real sum = 0, product = 0;
        const isize end = min_isize(c, start + 512);
        if (gamma) {
            #pragma omp simd reduction(+:sum, product)
            for (isize j = start; j < end; j++) {
                const real h = dy[j] * gamma[j];
                sum += h;
                product += h * ((x[j] - mean) * rstd);
            }
        } else {
            #pragma omp simd reduction(+:sum, product)
            for (isize j = start; j < end; j++) {
                sum += dy[j];
                product += dy[j] * ((x[j] - mean) * rstd);
            }
        }
        *of_h += (double)sum;
        *of_product += (double)product;
    }
}

static void FN(layer_norm_back_row)(const FN(layer_norm_backward_args) *a, isize i)
{
    const isize c = a->c;
    const real *dy = a->dy + i * c, *x = a->x + i * c, mean = a->mean[i], rstd = a->rstd[i];
    real *dx = a->dx + i * c;
    double of_h, of_product;
    FN(layer_norm_sums)(dy, x, a->gamma, c, mean, rstd, &of_h, &of_product);
    const real by_mean = (real)(of_h / (double)max_isize(c, 1)), by_x = (real)(of_product / (double)max_isize(c, 1));
    if (a->gamma) for (isize j = 0; j < c; j++) dx[j] = rstd * (dy[j] * a->gamma[j] - by_mean - (x[j] - mean) * rstd * by_x);
    else for (isize j = 0; j < c; j++) dx[j] = rstd * (dy[j] - by_mean - (x[j] - mean) * rstd * by_x);
}

isize FN(layer_norm_backward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(layer_norm_backward_args) *a = args;
    (void)ctx;
    return layer_groups(a->rows) * a->c * (isize)(2 * sizeof(double) + 2 * sizeof(real));
}

static void FN(layer_norm_back_part)(const void *args, isize start, isize stop)
{
    for (isize i = start; i < stop; i++) FN(layer_norm_back_row)(args, i);
}

/* One group of rows: its sums, and dx. */
static void FN(layer_norm_group)(const void *args, isize first, isize last)
{
    const FN(layer_norm_backward_args) *a = args;
    const isize c = a->c, groups = layer_groups(a->rows), g = first / layer_group_rows(a->rows);
    double *total = (double *)a->scratch + 2 * g * c;
    real *sum = (real *)((double *)a->scratch + 2 * groups * c) + 2 * g * c;
    for (isize j = 0; j < 2 * c; j++) total[j] = 0;
    for (isize start = first; start < last; start += ROWS) {
        for (isize j = 0; j < 2 * c; j++) sum[j] = 0;
        for (isize i = start; i < min_isize(last, start + ROWS); i++) {
            const real *dy = a->dy + i * c, *x = a->x + i * c, mean = a->mean[i], rstd = a->rstd[i];
            if (a->dx) FN(layer_norm_back_row)(a, i);
            real *product = sum + c;
            #pragma omp simd
            for (isize j = 0; j < c; j++) {
                sum[j] += dy[j];
                product[j] += dy[j] * ((x[j] - mean) * rstd);
            }
        }
        for (isize j = 0; j < 2 * c; j++) total[j] += (double)sum[j];
    }
}

pydl_status FN(layer_norm_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(layer_norm_backward_args) *a = args;
    const isize groups = layer_groups(a->rows), c = a->c;
    const double *total = a->scratch;
    const int worth = worth_sharing(a->rows, c);
    if (!a->dgamma && !a->dbeta) return a->dx ? run_parts(ctx, worth, a->rows, ROWS, FN(layer_norm_back_part), a) : PYDL_OK;
    run_parts(ctx, worth, a->rows, layer_group_rows(a->rows), FN(layer_norm_group), a);
    for (isize j = 0; j < c; j++) {
        double of_dy = 0, of_product = 0;
        for (isize g = 0; g < groups; g++) { of_dy += total[2 * g * c + j]; of_product += total[(2 * g + 1) * c + j]; }
        if (a->dbeta) a->dbeta[j] = (real)of_dy;
        if (a->dgamma) a->dgamma[j] = (real)of_product;
    }
    return PYDL_OK;
}
#endif
