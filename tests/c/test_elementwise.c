/* Arithmetic kernels: formulas, broadcasting over odd axes, in place, and equal bits for any number of threads. */
#ifndef real
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include "internal.h"
#include "elementwise.h"
#define EACH_REAL "../tests/c/test_elementwise.c"   /* seen from csrc/ */
#include "each_real.h"

int main(void)
{
    PYDL_PASTE(pydl_, test_all, _f32, PYDL_LEVEL_TAIL)();
    PYDL_PASTE(pydl_, test_all, _f64, PYDL_LEVEL_TAIL)();

    pydl_fault fault = {0};
    pydl_blas blas = {0};
    const pydl_ctx ctx = {.threads = 1, .blas = &blas, .fault = &fault};
    const uint8_t p[] = {0, 0, 1, 1}, q[] = {0, 1, 0, 1};
    uint8_t z[4];
    assert(LEVEL_FN(logical_and)(&ctx, &(LEVEL_FN(logical_args)){p, q, 4, z}) == PYDL_OK && !memcmp(z, (uint8_t[]){0, 0, 0, 1}, 4));
    assert(LEVEL_FN(logical_or)(&ctx, &(LEVEL_FN(logical_args)){p, q, 4, z}) == PYDL_OK && !memcmp(z, (uint8_t[]){0, 1, 1, 1}, 4));
    assert(LEVEL_FN(logical_not)(&ctx, &(LEVEL_FN(logical_not_args)){p, 4, z}) == PYDL_OK && !memcmp(z, (uint8_t[]){1, 1, 0, 0}, 4));
    puts("elementwise: ok");
    return 0;
}
#else

/* An array of its own size, so that the sanitizer sees a read or write past its end. */
static real *FN(numbers)(isize n)
{
    real *x = malloc((size_t)max_isize(n, 1) * sizeof(real));
    for (isize i = 0; i < n; i++) x[i] = (real)((i * 37 % 101) - 50) / 16 + (real)0.01;
    return x;
}

/* Broadcast over four axes: x (a, 1, c, d), y (b, 1, d) -> z (a, b, c, d). */
static void FN(test_broadcast)(const pydl_ctx *ctx, isize a, isize b, isize c, isize d)
{
    real *x = FN(numbers)(a * c * d), *y = FN(numbers)(b * d), *z = FN(numbers)(a * b * c * d);
    const FN(binary_args) args = {.x = x, .y = y, .ndim = 4, .shape = {a, b, c, d}, .x_stride = {c * d, 0, d, 1}, .y_stride = {0, d, 0, 1}, .z = z};
    assert(FN(subtract)(ctx, &args) == PYDL_OK);
    for (isize i = 0; i < a * b * c * d; i++)
        assert(z[i] == x[(i / (b * c * d) * c + i / d % c) * d + i % d] - y[i / (c * d) % b * d + i % d]);
    free(x); free(y); free(z);
}

static void FN(test_sizes)(const pydl_ctx *ctx, isize n)
{
    real *x = FN(numbers)(n), *y = FN(numbers)(n), *z = FN(numbers)(n), number = 3;
    uint8_t *mask = malloc((size_t)max_isize(n, 1));
    FN(binary_args) args = {.x = x, .y = y, .ndim = 1, .shape = {n}, .x_stride = {1}, .y_stride = {1}, .z = z};
    assert(FN(add)(ctx, &args) == PYDL_OK);
    for (isize i = 0; i < n; i++) assert(z[i] == x[i] + y[i]);
    args.z = x;                                                   /* in place */
    assert(FN(multiply)(ctx, &args) == PYDL_OK);
    for (isize i = 0; i < n; i++) assert(x[i] == y[i] * y[i]);
    args = (FN(binary_args)){.x = x, .y = &number, .ndim = 1, .shape = {n}, .x_stride = {1}, .y_stride = {0}, .z = mask};
    assert(FN(greater)(ctx, &args) == PYDL_OK);
    for (isize i = 0; i < n; i++) assert(mask[i] == (x[i] > 3));
    args = (FN(binary_args)){.x = &number, .y = x, .ndim = 1, .shape = {n}, .x_stride = {0}, .y_stride = {1}, .z = z};
    assert(FN(maximum)(ctx, &args) == PYDL_OK);
    for (isize i = 0; i < n; i++) assert(z[i] == (x[i] > 3 ? x[i] : 3));
    assert(FN(where)(ctx, &(FN(where_args)){mask, x, &number, 1, 0, n, z}) == PYDL_OK);
    for (isize i = 0; i < n; i++) assert(z[i] == (x[i] > 3 ? x[i] : 3));
    assert(FN(clip)(ctx, &(FN(clip_args)){y, -1, 2, n, z}) == PYDL_OK);
    for (isize i = 0; i < n; i++) assert(z[i] == (y[i] < -1 ? -1 : y[i] > 2 ? 2 : y[i]));
    assert(FN(scale)(ctx, &(FN(pointwise_args)){y, 0.5, n, z}) == PYDL_OK);
    for (isize i = 0; i < n; i++) assert(z[i] == y[i] / 2);
    assert(FN(square_backward)(ctx, &(FN(pointwise_backward_args)){y, x, 0, n, z}) == PYDL_OK);
    for (isize i = 0; i < n; i++) assert(z[i] == 2 * y[i] * x[i]);
    free(x); free(y); free(z); free(mask);
}

static void FN(test_special)(const pydl_ctx *ctx)
{
    const real nan = (real)NAN, inf = (real)INFINITY;
    real x[] = {nan, 1, inf, -inf, 0}, y[] = {1, nan, -inf, 2, (real)-0.0}, z[5];
    FN(binary_args) args = {.x = x, .y = y, .ndim = 1, .shape = {5}, .x_stride = {1}, .y_stride = {1}, .z = z};
    assert(FN(maximum)(ctx, &args) == PYDL_OK && isnan(z[0]) && isnan(z[1]) && z[2] == inf && z[3] == 2 && z[4] == 0);
    assert(FN(minimum)(ctx, &args) == PYDL_OK && isnan(z[0]) && isnan(z[1]) && z[2] == -inf && z[3] == -inf && z[4] == 0);
    assert(FN(log)(ctx, &(FN(pointwise_args)){x, 0, 5, z}) == PYDL_OK && isnan(z[0]) && z[1] == 0 && z[2] == inf && isnan(z[3]) && z[4] == -inf);
    assert(FN(clip)(ctx, &(FN(clip_args)){x, -1, 1, 5, z}) == PYDL_OK && isnan(z[0]) && z[2] == 1 && z[3] == -1);
    assert(FN(sign)(ctx, &(FN(pointwise_args)){x, 0, 5, z}) == PYDL_OK && isnan(z[0]) && z[1] == 1 && z[3] == -1 && z[4] == 0);
}

static void FN(test_threads)(void)
{
    pydl_fault fault = {0};
    pydl_blas blas = {0};
    const isize rows = 333, columns = 301;
    real *x = FN(numbers)(rows * columns), *y = FN(numbers)(columns), *one = FN(numbers)(rows * columns), *many = FN(numbers)(rows * columns);
    for (int threads = 1; threads <= 4; threads += 3) {
        const pydl_ctx ctx = {.threads = threads, .blas = &blas, .fault = &fault};
        real *z = threads == 1 ? one : many;
        const FN(binary_args) args = {.x = x, .y = y, .ndim = 2, .shape = {rows, columns}, .x_stride = {columns, 1}, .y_stride = {0, 1}, .z = z};
        assert(FN(divide)(&ctx, &args) == PYDL_OK);
        assert(FN(exp)(&ctx, &(FN(pointwise_args)){z, 0, rows * columns, z}) == PYDL_OK);
    }
    assert(memcmp(one, many, (size_t)(rows * columns) * sizeof(real)) == 0);
    free(x); free(y); free(one); free(many);
}

static void FN(test_all)(void)
{
    pydl_fault fault = {0};
    pydl_blas blas = {0};
    const pydl_ctx ctx = {.threads = 2, .blas = &blas, .fault = &fault};
    for (isize n = 0; n < 70; n++) FN(test_sizes)(&ctx, n);
    FN(test_sizes)(&ctx, BLOCK - 1);
    FN(test_sizes)(&ctx, BLOCK + 1);
    FN(test_sizes)(&ctx, PARALLEL_MIN + 77);
    FN(test_broadcast)(&ctx, 2, 3, 4, 5);
    FN(test_broadcast)(&ctx, 3, 1, 7, 1);
    FN(test_broadcast)(&ctx, 2, 2, 3, BLOCK + 3);
    FN(test_broadcast)(&ctx, 0, 3, 4, 5);
    FN(test_broadcast)(&ctx, 2, 3, 0, 5);
    FN(test_special)(&ctx);
    FN(test_threads)();
}
#endif
