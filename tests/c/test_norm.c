/* Normalisation against two-pass loops in double, in memory of exactly the right size; 1 and 3 threads give the same bits. */
#ifndef real
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pydl.h"
#include "norm.h"
#include "each_real.h"

static uint32_t state = 1;
static double draw(void) { state = state * 1664525u + 1013904223u; return (double)(state >> 8) / 16777216.0 - 0.5; }
static void near(double got, double want, double scale) { assert(fabs(got - want) <= 3e-5 * (scale + fabs(want))); }

#define EACH_REAL "test_norm.c"
#include "each_real.h"

int main(void)
{
    static const isize shape[][2] = { {1,1}, {2,3}, {7,5}, {63,32}, {64,32}, {65,32}, {300,6}, {513,7}, {64,84}, {129,33}, {2100,16}, {70,300}, {4200,3}, {5,130}, {0,4}, {3,0}, {1100,64} };
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        for (int relu = 0; relu < 2; relu++) {
            check_pydl_f32(shape[i][0], shape[i][1], relu);
            check_pydl_f64(shape[i][0], shape[i][1], relu);
        }
    printf("norm: ok\n");
    return 0;
}
#else
#if REAL_IS_FLOAT
#define CHECK check_pydl_f32
#else
#define CHECK check_pydl_f64
#endif

static real *FN(numbers)(isize n, double offset)
{
    real *p = malloc((size_t)n * sizeof *p + 1);
    for (isize i = 0; i < n; i++) p[i] = (real)(draw() + offset);
    return p;
}

static void CHECK(isize rows, isize c, isize relu)
{
    const isize n = rows * c;
    real *x = FN(numbers)(n, 3), *dy = FN(numbers)(n, 0), *gamma = FN(numbers)(c, 1), *beta = FN(numbers)(c, 0);
    real *y[2], *dx[2], *dgamma[2], *dbeta[2];
    real *mean = FN(numbers)(c, 0), *rstd = FN(numbers)(c, 0), *row_mean = FN(numbers)(rows, 0), *row_rstd = FN(numbers)(rows, 0), *other = FN(numbers)(c, 0);
    for (int t = 0; t < 2; t++) {
        const pydl_ctx ctx = { .threads = 1 + 2 * t };
        y[t] = FN(numbers)(n, 9); dx[t] = FN(numbers)(n, 9); dgamma[t] = FN(numbers)(c, 9); dbeta[t] = FN(numbers)(c, 9);
        real *moving_mean = FN(numbers)(c, 0), *moving_variance = FN(numbers)(c, 1);
        FN(batch_norm_forward_args) f = { NULL, x, gamma, beta, NULL, 1e-3, 0.75, rows, c, relu, y[t], mean, rstd, moving_mean, moving_variance };
        f.scratch = malloc((size_t)FN(batch_norm_forward_scratch)(&ctx, &f) + 1);
        real *was = malloc((size_t)c * sizeof *was + 1);
        memcpy(was, moving_mean, (size_t)c * sizeof *was);
        assert(FN(batch_norm_forward)(&ctx, &f) == PYDL_OK);
        FN(batch_norm_backward_args) b = { NULL, dy, x, gamma, beta, mean, rstd, NULL, rows, c, relu, dx[t], dgamma[t], dbeta[t], NULL };
        b.scratch = malloc((size_t)FN(batch_norm_backward_scratch)(&ctx, &b) + 1);
        assert(FN(batch_norm_backward)(&ctx, &b) == PYDL_OK);
        for (isize j = 0; j < c && rows; j++) {
            double m = 0, v = 0, of_dy = 0, of_product = 0;
            for (isize i = 0; i < rows; i++) m += (double)x[i * c + j] / (double)rows;
            for (isize i = 0; i < rows; i++) v += ((double)x[i * c + j] - m) * ((double)x[i * c + j] - m) / (double)rows;
            const double r = 1 / sqrt(v + 1e-3);
            near((double)mean[j], m, 1); near((double)rstd[j], r, 1); near((double)moving_mean[j], 0.75 * (double)was[j] + 0.25 * m, 1);
            for (isize i = 0; i < rows; i++) {
                const double z = ((double)x[i * c + j] - m) * r * (double)gamma[j] + (double)beta[j];
                near((double)y[t][i * c + j], relu && z < 0 ? 0 : z, 1);
                const double d = relu && !(y[t][i * c + j] > 0) ? 0 : (double)dy[i * c + j];
                of_dy += d;
                of_product += d * ((double)x[i * c + j] - m) * r;
            }
            near((double)dbeta[t][j], of_dy, sqrt((double)rows)); near((double)dgamma[t][j], of_product, sqrt((double)rows));
            for (isize i = 0; i < rows; i++) {
                const double d = relu && !(y[t][i * c + j] > 0) ? 0 : (double)dy[i * c + j], xhat = ((double)x[i * c + j] - m) * r;
                near((double)dx[t][i * c + j], (double)gamma[j] * r * (d - of_dy / (double)rows - xhat * of_product / (double)rows), 10);
            }
        }
        free(moving_mean); free(moving_variance); free(was); free(f.scratch); free(b.scratch);
    }
    assert(memcmp(y[0], y[1], (size_t)n * sizeof(real)) == 0 && memcmp(dx[0], dx[1], (size_t)n * sizeof(real)) == 0);
    assert(memcmp(dgamma[0], dgamma[1], (size_t)c * sizeof(real)) == 0 && memcmp(dbeta[0], dbeta[1], (size_t)c * sizeof(real)) == 0);

    for (int t = 0; t < 2; t++) {
        const pydl_ctx ctx = { .threads = 1 + 2 * t };
        FN(batch_norm_inference_forward_args) f = { NULL, x, gamma, t ? NULL : beta, mean, gamma, 1e-3, rows, c, relu, y[0] };   /* gamma > 0 serves as a variance */
        f.scratch = malloc((size_t)FN(batch_norm_inference_forward_scratch)(&ctx, &f) + 1);
        assert(FN(batch_norm_inference_forward)(&ctx, &f) == PYDL_OK);
        FN(batch_norm_inference_backward_args) b = { NULL, dy, x, gamma, t ? NULL : beta, mean, gamma, 1e-3, rows, c, relu, t ? NULL : dx[0], other, dbeta[0] };
        b.scratch = malloc((size_t)FN(batch_norm_inference_backward_scratch)(&ctx, &b) + 1);
        assert(FN(batch_norm_inference_backward)(&ctx, &b) == PYDL_OK);
        for (isize j = 0; j < c && rows; j++) {
            double of_dy = 0;
            for (isize i = 0; i < rows; i++) {
                const isize at = i * c + j;
                const double r = 1 / sqrt((double)gamma[j] + 1e-3), z = ((double)x[at] - (double)mean[j]) * r * (double)gamma[j] + (t ? 0 : (double)beta[j]);
                near((double)y[0][at], relu && z < 0 ? 0 : z, 1);
                const double d = relu && !(y[0][at] > 0) ? 0 : (double)dy[at];
                if (!t) near((double)dx[0][at], d * r * (double)gamma[j], 1);
                of_dy += d;
            }
            near((double)dbeta[0][j], of_dy, sqrt((double)rows));
        }
        free(f.scratch); free(b.scratch);

        if (c == 0) continue;
        FN(layer_norm_forward_args) lf = { x, t ? gamma : NULL, t ? beta : NULL, 1e-3, rows, c, y[t], row_mean, row_rstd };
        assert(FN(layer_norm_forward)(&ctx, &lf) == PYDL_OK);
        FN(layer_norm_backward_args) lb = { NULL, dy, x, t ? gamma : NULL, row_mean, row_rstd, rows, c, dx[t], dgamma[t], dbeta[t] };
        lb.scratch = malloc((size_t)FN(layer_norm_backward_scratch)(&ctx, &lb) + 1);
        assert(FN(layer_norm_backward)(&ctx, &lb) == PYDL_OK);
        for (isize i = 0; i < rows; i++) {
            double m = 0, v = 0, of_h = 0, of_product = 0;
            for (isize j = 0; j < c; j++) m += (double)x[i * c + j] / (double)c;
            for (isize j = 0; j < c; j++) v += ((double)x[i * c + j] - m) * ((double)x[i * c + j] - m) / (double)c;
            const double r = 1 / sqrt(v + 1e-3);
            for (isize j = 0; j < c; j++) {
                const double h = (double)dy[i * c + j] * (t ? (double)gamma[j] : 1), xhat = ((double)x[i * c + j] - m) * r;
                near((double)y[t][i * c + j], xhat * (t ? (double)gamma[j] : 1) + (t ? (double)beta[j] : 0), 1);
                of_h += h / (double)c;
                of_product += h * xhat / (double)c;
            }
            for (isize j = 0; j < c; j++) {
                const double h = (double)dy[i * c + j] * (t ? (double)gamma[j] : 1), xhat = ((double)x[i * c + j] - m) * r;
                near((double)dx[t][i * c + j], r * (h - of_h - xhat * of_product), 10);
            }
        }
        free(lb.scratch);
    }
    assert(memcmp(dgamma[0], dgamma[1], (size_t)c * sizeof(real)) == 0);    /* gamma does not enter; 1 and 3 threads */
    for (int t = 0; t < 2; t++) { free(y[t]); free(dx[t]); free(dgamma[t]); free(dbeta[t]); }
    free(x); free(dy); free(gamma); free(beta); free(mean); free(rstd); free(row_mean); free(row_rstd); free(other);
}
#undef CHECK
#endif
