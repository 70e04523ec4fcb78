/* Activation kernels: every backward against the central difference of its forward, softmax rows, in place, no -0 and no NaN lost. */
#ifndef real
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include "internal.h"
#include "activation.h"
#define EACH_REAL "../tests/c/test_activation.c"   /* seen from csrc/ */
#include "each_real.h"

int main(void)
{
    PYDL_PASTE(pydl_, test_all, _f32, PYDL_LEVEL_TAIL)();
    PYDL_PASTE(pydl_, test_all, _f64, PYDL_LEVEL_TAIL)();
    puts("activation: ok");
    return 0;
}
#else

/* dx against (f(x + h) - f(x - h)) / 2h, at points away from every kink. */
static void FN(check)(const pydl_ctx *ctx, const char *name, pydl_kernel forward, pydl_kernel backward, double alpha, int from_y)
{
    enum { n = 75 };
    const real h = REAL_IS_FLOAT ? (real)0.0078125 : (real)1.52587890625e-05;
    const double tolerance = REAL_IS_FLOAT ? 2e-3 : 1e-7;
    real x[n], above[n], below[n], y[n], dy[n], dx[n];
    for (int i = 0; i < n; i++) { x[i] = (real)(i - 37) / 8 + (real)0.05; dy[i] = (real)(i % 3) - (real)0.5; }
    for (int i = 0; i < n; i++) { above[i] = x[i] + h; below[i] = x[i] - h; }
    assert(forward(ctx, &(FN(pointwise_args)){x, alpha, n, y}) == PYDL_OK);
    assert(forward(ctx, &(FN(pointwise_args)){above, alpha, n, above}) == PYDL_OK);      /* in place */
    assert(forward(ctx, &(FN(pointwise_args)){below, alpha, n, below}) == PYDL_OK);
    assert(backward(ctx, &(FN(pointwise_backward_args)){dy, from_y ? y : x, alpha, n, dx}) == PYDL_OK);
    for (int i = 0; i < n; i++) {
        double slope = ((double)above[i] - (double)below[i]) / (2 * (double)h);
        if (!(fabs((double)dx[i] - (double)dy[i] * slope) <= tolerance)) {
            fprintf(stderr, "%s at %g: %g by backward, %g by differences\n", name, (double)x[i], (double)dx[i], (double)dy[i] * slope);
            abort();
        }
    }
    real odd[] = {(real)NAN, 30, -30}, out[3];
    assert(forward(ctx, &(FN(pointwise_args)){odd, alpha, 3, out}) == PYDL_OK);
    assert(isnan(out[0]) && isfinite(out[1]) && isfinite(out[2]));
    assert(forward(ctx, &(FN(pointwise_args)){odd, alpha, 0, out}) == PYDL_OK);
}

static void FN(check_softmax)(const pydl_ctx *ctx, isize n, isize c)
{
    const double tolerance = REAL_IS_FLOAT ? 1e-5 : 1e-13;
    real *x = malloc((size_t)max_isize(n * c, 1) * sizeof(real)), *y = malloc((size_t)max_isize(n * c, 1) * sizeof(real));
    real *l = malloc((size_t)max_isize(n * c, 1) * sizeof(real)), *d = malloc((size_t)max_isize(n * c, 1) * sizeof(real));
    for (isize i = 0; i < n * c; i++) x[i] = (real)(i * 29 % 41) / 4 + (i % 2 ? 500 : 495);      /* e^500 is infinite in float */
    assert(FN(softmax_forward)(ctx, &(FN(softmax_args)){x, n, c, y}) == PYDL_OK);
    assert(FN(log_softmax_forward)(ctx, &(FN(softmax_args)){x, n, c, l}) == PYDL_OK);
    for (isize i = 0; i < n; i++) {
        double sum = 0;
        for (isize j = 0; j < c; j++) {
            sum += (double)y[i * c + j];
            assert(fabs((double)y[i * c + j] - exp((double)l[i * c + j])) <= tolerance);
        }
        assert(fabs(sum - 1) <= tolerance);
    }
    /* the gradient of a sum that softmax keeps at 1 is 0; in place */
    for (isize i = 0; i < n * c; i++) d[i] = 1;
    assert(FN(softmax_backward)(ctx, &(FN(softmax_backward_args)){d, y, n, c, d}) == PYDL_OK);
    for (isize i = 0; i < n * c; i++) assert(fabs((double)d[i]) <= tolerance);
    for (isize i = 0; i < n * c; i++) d[i] = y[i];                                          /* sum_j y_j dl_j = 0 for any row */
    assert(FN(log_softmax_backward)(ctx, &(FN(softmax_backward_args)){d, l, n, c, d}) == PYDL_OK);
    for (isize i = 0; i < n * c; i++) assert(fabs((double)d[i]) <= tolerance);
    free(x); free(y); free(l); free(d);
}

static void FN(test_all)(void)
{
    pydl_fault fault = {0};
    pydl_blas blas = {0};
    const pydl_ctx ctx = {.threads = 2, .blas = &blas, .fault = &fault};
#define CHECK(name, alpha, from_y) FN(check)(&ctx, #name, FN(name##_forward), FN(name##_backward), alpha, from_y)
    CHECK(relu, 0, 1);
    CHECK(leaky_relu, 0.2, 1);
    CHECK(relu6, 0, 1);
    CHECK(sigmoid, 0, 1);
    CHECK(tanh, 0, 1);
    CHECK(elu, 0.7, 1);
    CHECK(celu, 0.7, 1);
    CHECK(selu, 0, 1);
    CHECK(softplus, 0, 1);
    CHECK(log_sigmoid, 0, 1);
    CHECK(softsign, 0, 0);
    CHECK(hard_sigmoid, 0, 1);
    CHECK(hard_silu, 0, 0);
    CHECK(hard_tanh, 0, 1);
    CHECK(silu, 0, 0);
    CHECK(gelu, 0, 0);
    CHECK(gelu_tanh, 0, 0);
    CHECK(mish, 0, 0);
#undef CHECK
    for (isize c = 1; c < 40; c++) FN(check_softmax)(&ctx, 3, c);
    for (isize c = 511; c < 514; c++) FN(check_softmax)(&ctx, 2, c);
    FN(check_softmax)(&ctx, 0, 10);
    assert(FN(softmax_forward)(&ctx, &(FN(softmax_args)){NULL, 3, 0, NULL}) == PYDL_OK);
    FN(check_softmax)(&ctx, 2000, 10);

    const real x[] = {-2, (real)0.1, (real)0.5, 3, (real)NAN}, dy[] = {1, 1, 1, 1, 1};
    real y[5], dx[5];
    assert(FN(clipped_relu_forward)(&ctx, &(FN(clipped_relu_forward_args)){x, 0, 0.2, 2, 5, y}) == PYDL_OK);
    assert(y[0] == 0 && !signbit(y[0]) && y[1] == 0 && y[2] == (real)0.5 && y[3] == 2 && isnan(y[4]));
    assert(FN(clipped_relu_backward)(&ctx, &(FN(clipped_relu_backward_args)){dy, x, 0.25, 0.2, 2, 5, dx}) == PYDL_OK);
    assert(dx[0] == (real)0.25 && dx[1] == (real)0.25 && dx[2] == 1 && dx[3] == 0);
}
#endif
