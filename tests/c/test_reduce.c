/* Reductions against plain loops: rows and columns below, at and above the runs and tiles; equal bits for any number of threads. */
#ifndef real
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include "internal.h"
#include "reduce.h"
#define EACH_REAL "../tests/c/test_reduce.c"   /* seen from csrc/ */
#include "each_real.h"

int main(void)
{
    PYDL_PASTE(pydl_, test_all, _f32, PYDL_LEVEL_TAIL)();
    PYDL_PASTE(pydl_, test_all, _f64, PYDL_LEVEL_TAIL)();
    puts("reduce: ok");
    return 0;
}
#else

static void FN(run)(pydl_kernel kernel, pydl_scratch scratch, int threads, FN(reduce_args) a)
{
    pydl_fault fault = {0};
    pydl_blas blas = {0};
    const pydl_ctx ctx = {.threads = threads, .blas = &blas, .fault = &fault};
    const isize bytes = scratch(&ctx, &a);
    a.scratch = bytes ? malloc((size_t)bytes) : NULL;
    assert(kernel(&ctx, &a) == PYDL_OK);
    free(a.scratch);
}

/* x (a, b, c): over the middle axis (columns), or over the outer and the last (rows of c, in several pieces). */
static void FN(check)(isize a, isize b, isize c, int middle)
{
    const isize n = a * b * c, results = middle ? a * c : b;
    real *x = malloc((size_t)max_isize(n, 1) * sizeof(real)), *y = malloc((size_t)max_isize(results, 1) * sizeof(real)), *again = malloc((size_t)max_isize(results, 1) * sizeof(real));
    for (isize i = 0; i < n; i++) x[i] = (real)(i * 7919 % 10007 - 5000) / 1024;
    FN(reduce_args) args = {.x = x, .scale = 1, .y = y};
    if (middle) {
        args.kept_ndim = 2; args.kept_shape[0] = a; args.kept_stride[0] = b * c; args.kept_shape[1] = c; args.kept_stride[1] = 1;
        args.reduced_ndim = 1; args.reduced_shape[0] = b; args.reduced_stride[0] = c;
    } else {
        args.kept_ndim = 1; args.kept_shape[0] = b; args.kept_stride[0] = c;
        args.reduced_ndim = 2; args.reduced_shape[0] = a; args.reduced_stride[0] = b * c; args.reduced_shape[1] = c; args.reduced_stride[1] = 1;
    }
    FN(run)(FN(reduce_sum), FN(reduce_sum_scratch), 1, args);
    for (isize i = 0; i < results; i++) {
        double sum = 0, size = 0;
        for (isize k = 0; k < n; k++) {
            const isize result = middle ? k / (b * c) * c + k % c : k / c % b;
            if (result == i) { sum += (double)x[k]; size += fabs((double)x[k]); }
        }
        assert(fabs((double)y[i] - sum) <= (REAL_IS_FLOAT ? 1e-7 : 1e-14) * size + (REAL_IS_FLOAT ? 6e-8 : 2e-16) * fabs(sum));
    }
    args.y = again;
    FN(run)(FN(reduce_sum), FN(reduce_sum_scratch), 4, args);
    assert(memcmp(y, again, (size_t)results * sizeof(real)) == 0);
    for (isize i = 0; i < n; i++) x[i] = 1 + (real)(i * 7919 % 101 - 50) / (real)max_isize(n, 64);       /* products stay near 1 */
    FN(run)(FN(reduce_product), FN(reduce_product_scratch), 4, args);
    args.y = y;
    FN(run)(FN(reduce_product), FN(reduce_product_scratch), 1, args);
    assert(memcmp(y, again, (size_t)results * sizeof(real)) == 0);
    for (isize i = 0; i < results; i++) {
        double product = 1;
        for (isize k = 0; k < n; k++)
            if ((middle ? k / (b * c) * c + k % c : k / c % b) == i) product *= (double)x[k];
        assert(fabs((double)y[i] - product) <= (REAL_IS_FLOAT ? 1e-7 : 1e-11) * product);
    }
    args.y = again;
    for (isize i = 0; i < n; i++) x[i] = (real)(i * 7919 % 10007 - 5000) / 1024;
    FN(run)(FN(reduce_max), FN(reduce_max_scratch), 3, args);
    args.y = y;
    FN(run)(FN(reduce_min), FN(reduce_min_scratch), 3, args);
    for (isize i = 0; i < results; i++) {
        real largest = -(real)INFINITY, smallest = (real)INFINITY;
        for (isize k = 0; k < n; k++)
            if ((middle ? k / (b * c) * c + k % c : k / c % b) == i) {
                largest = x[k] > largest ? x[k] : largest;
                smallest = x[k] < smallest ? x[k] : smallest;
            }
        assert(again[i] == largest && y[i] == smallest);
    }
    if (n > 0) {                                                   /* a NaN anywhere is the extreme, there and nowhere else */
        x[n / 2] = (real)NAN;
        FN(run)(FN(reduce_max), FN(reduce_max_scratch), 2, args);
        for (isize i = 0; i < results; i++)
            assert(isnan(y[i]) == (i == (middle ? n / 2 / (b * c) * c + n / 2 % c : n / 2 / c % b)));
    }
    free(x); free(y); free(again);
}

static void FN(check_argmax)(isize outer, isize length, isize inner)
{
    pydl_fault fault = {0};
    pydl_blas blas = {0};
    const pydl_ctx ctx = {.threads = 2, .blas = &blas, .fault = &fault};
    real *x = malloc((size_t)(outer * length * inner) * sizeof(real));
    int32_t *top = malloc((size_t)(outer * inner) * sizeof *top), *bottom = malloc((size_t)(outer * inner) * sizeof *bottom);
    for (isize i = 0; i < outer * length * inner; i++) x[i] = (real)(i * 31 % 17);     /* with equals: the first wins */
    assert(FN(argmax)(&ctx, &(FN(argmax_args)){x, outer, length, inner, top}) == PYDL_OK);
    assert(FN(argmin)(&ctx, &(FN(argmax_args)){x, outer, length, inner, bottom}) == PYDL_OK);
    for (isize o = 0; o < outer; o++)
        for (isize i = 0; i < inner; i++) {
            const real *column = x + o * length * inner + i;
            const isize t = top[o * inner + i], b = bottom[o * inner + i];
            for (isize k = 0; k < length; k++) {
                assert(k < t ? column[k * inner] < column[t * inner] : column[k * inner] <= column[t * inner]);
                assert(k < b ? column[k * inner] > column[b * inner] : column[k * inner] >= column[b * inner]);
            }
        }
    free(x); free(top); free(bottom);
}

static void FN(test_all)(void)
{
    FN(check)(3, 5, 1, 0); FN(check)(1, 1, 1, 0); FN(check)(2, 3, 67, 0);
    FN(check)(0, 3, 4, 0); FN(check)(3, 0, 4, 0); FN(check)(3, 4, 0, 0);
    FN(check)(3, 2, 33000, 0); FN(check)(70, 1, 1000, 0);
    for (int c = 1; c < 12; c++) FN(check)(2, 300, c, 1);
    FN(check)(1, 20000, 3, 1); FN(check)(2, 9, 127, 1); FN(check)(2, 9, 128, 1); FN(check)(2, 300, 129, 1); FN(check)(1, 1030, 64, 1);
    FN(check)(2, 0, 5, 1); FN(check)(0, 4, 5, 1);
    FN(check_argmax)(3, 10, 1); FN(check_argmax)(2, 1, 5); FN(check_argmax)(4, 30, 129); FN(check_argmax)(900, 50, 1);
    real x[] = {1, (real)NAN, 5, (real)NAN};
    int32_t index;
    pydl_fault fault = {0};
    pydl_blas blas = {0};
    const pydl_ctx ctx = {.threads = 1, .blas = &blas, .fault = &fault};
    assert(FN(argmax)(&ctx, &(FN(argmax_args)){x, 1, 4, 1, &index}) == PYDL_OK && index == 1);
    assert(FN(argmin)(&ctx, &(FN(argmax_args)){x, 1, 4, 1, &index}) == PYDL_OK && index == 1);
}
#endif
