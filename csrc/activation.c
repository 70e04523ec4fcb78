#ifndef real
#include "internal.h"
#include "vecmath.h"
#include "activation.h"

/* Self-normalising networks, equation 14. */
#define SELU_SCALE 1.0507009873554804934
#define SELU_ALPHA 1.6732632423543772848

#define EACH_REAL "activation.c"
#include "each_real.h"
#else

FORWARD(relu_forward, x < 0 ? 0 : x)
BACKWARD_FROM(y, relu_backward, y > 0 ? dy : 0)

FORWARD(leaky_relu_forward, x > 0 ? x : alpha * x)
BACKWARD_FROM(y, leaky_relu_backward, y > 0 ? dy : alpha * dy)

FORWARD(relu6_forward, x < 0 ? 0 : x > 6 ? 6 : x)
BACKWARD_FROM(y, relu6_backward, y > 0 && y < 6 ? dy : 0)

FORWARD(sigmoid_forward, FN(vec_sigmoid)(x))
BACKWARD_FROM(y, sigmoid_backward, dy * y * (1 - y))

FORWARD(tanh_forward, FN(vec_tanh)(x))
BACKWARD_FROM(y, tanh_backward, dy * (1 - y * y))

FORWARD(elu_forward, x > 0 ? x : alpha * FN(vec_expm1)(x))
BACKWARD_FROM(y, elu_backward, y > 0 ? dy : dy * (y + alpha))

FORWARD(celu_forward, x > 0 ? x : alpha * FN(vec_expm1)(x / alpha))
BACKWARD_FROM(y, celu_backward, y > 0 ? dy : dy * (y / alpha + 1))

FORWARD(selu_forward, (real)SELU_SCALE * (x > 0 ? x : (real)SELU_ALPHA * FN(vec_expm1)(x)))
BACKWARD_FROM(y, selu_backward, dy * (y > 0 ? (real)SELU_SCALE : y + (real)(SELU_SCALE * SELU_ALPHA)))

FORWARD(softplus_forward, FN(vec_softplus)(x))
BACKWARD_FROM(y, softplus_backward, -dy * FN(vec_expm1)(-y))

FORWARD(log_sigmoid_forward, -FN(vec_softplus)(-x))
BACKWARD_FROM(y, log_sigmoid_backward, -dy * FN(vec_expm1)(y))

FORWARD(softsign_forward, x / (1 + FN(magnitude)(x)))
BACKWARD_FROM(x, softsign_backward, dy / ((1 + FN(magnitude)(x)) * (1 + FN(magnitude)(x))))

FORWARD(hard_sigmoid_forward, x < -3 ? 0 : x > 3 ? 1 : (x + 3) / 6)
BACKWARD_FROM(y, hard_sigmoid_backward, y > 0 && y < 1 ? dy / 6 : 0)

FORWARD(hard_silu_forward, x < -3 ? 0 : x > 3 ? x : x * (x + 3) / 6)
BACKWARD_FROM(x, hard_silu_backward, x < -3 ? 0 : x > 3 ? dy : dy * (2 * x + 3) / 6)

FORWARD(hard_tanh_forward, x < -1 ? -1 : x > 1 ? 1 : x)
BACKWARD_FROM(y, hard_tanh_backward, y > -1 && y < 1 ? dy : 0)

FORWARD(silu_forward, x * FN(vec_sigmoid)(x))
static inline real FN(silu_slope)(real x)
{
    real s = FN(vec_sigmoid)(x);
    return s * (1 + x * (1 - s));
}
BACKWARD_FROM(x, silu_backward, dy * FN(silu_slope)(x))

FORWARD(gelu_forward, x * FN(vec_normal_cdf)(x))
BACKWARD_FROM(x, gelu_backward, dy * (FN(vec_normal_cdf)(x) + x * FN(vec_normal_pdf)(x)))

static inline real FN(gelu_inner)(real x) { return (real)0.79788456080286535588 * (x + (real)0.044715 * x * x * x); }   /* sqrt(2 / pi) */
FORWARD(gelu_tanh_forward, (real)0.5 * x * (1 + FN(vec_tanh)(FN(gelu_inner)(x))))
static inline real FN(gelu_tanh_slope)(real x)
{
    x = x > 30 ? 30 : x;                       /* the slope is 1 or 0 from here on, and x^3 does not overflow */
    x = x < -30 ? -30 : x;
    real t = FN(vec_tanh)(FN(gelu_inner)(x));
    real inner_slope = (real)0.79788456080286535588 * (1 + 3 * (real)0.044715 * x * x);
    return (real)0.5 * (1 + t + x * (1 - t * t) * inner_slope);
}
BACKWARD_FROM(x, gelu_tanh_backward, dy * FN(gelu_tanh_slope)(x))

/* tanh(log(1 + e)) = ((1 + e)^2 - 1) / ((1 + e)^2 + 1); beyond x = 20 it is 1 and e^x could overflow. */
static inline real FN(mish_factor)(real x)
{
    real e = FN(vec_exp)(x > 20 ? 20 : x), w = e * (e + 2);
    return w / (w + 2);
}
FORWARD(mish_forward, x * FN(mish_factor)(x))
static inline real FN(mish_slope)(real x)
{
    real t = FN(mish_factor)(x);
    return t + x * (1 - t * t) * FN(vec_sigmoid)(x);
}
BACKWARD_FROM(x, mish_backward, dy * FN(mish_slope)(x))

static void FN(clipped_relu_part)(const void *args, isize start, isize stop)
{
    const FN(clipped_relu_forward_args) *a = args;
    const real *x = a->x, slope = (real)a->slope, threshold = (real)a->threshold, limit = (real)a->limit;
    real *y = a->y;
    #pragma omp simd
    for (isize i = start; i < stop; i++) y[i] = x[i] >= limit ? limit : x[i] >= threshold ? x[i] : slope * (x[i] - threshold) + 0;     /* + 0: no -0 */
}

pydl_status FN(clipped_relu_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(clipped_relu_forward_args) *a = args;
    return run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, FN(clipped_relu_part), a);
}

static void FN(clipped_relu_back_part)(const void *args, isize start, isize stop)
{
    const FN(clipped_relu_backward_args) *a = args;
    const real *dy = a->dy, *x = a->x, slope = (real)a->slope, threshold = (real)a->threshold, limit = (real)a->limit;
    real *dx = a->dx;
    #pragma omp simd
    for (isize i = start; i < stop; i++) dx[i] = x[i] >= limit ? 0 : x[i] >= threshold ? dy[i] : slope * dy[i];
}

pydl_status FN(clipped_relu_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(clipped_relu_backward_args) *a = args;
    return run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, FN(clipped_relu_back_part), a);
}

/* ---- softmax over rows ---- */

enum { FN(sum_run) = 512 };   /* elements summed in lanes of `real` before they go into the double */

static real FN(row_max)(const real *x, isize c)
{
    real largest = -(real)INFINITY;
    #pragma omp simd reduction(max : largest)
    for (isize j = 0; j < c; j++) largest = x[j] > largest ? x[j] : largest;
    return largest;
}

/* y = e^(x - largest); returns its sum. */
static double FN(exp_and_sum)(const real *x, real largest, real *y, isize c)
{
    double total = 0;
    for (isize start = 0; start < c; start += FN(sum_run)) {
        isize stop = min_isize(start + FN(sum_run), c);
        real sum = 0;
        #pragma omp simd reduction(+ : sum)
        for (isize j = start; j < stop; j++) {
            real e = FN(vec_exp)(x[j] - largest);
            y[j] = e;
            sum += e;
        }
        total += (double)sum;
    }
    return total;
}

static double FN(sum_of_exp)(const real *x, real largest, isize c)
{
    double total = 0;
    for (isize start = 0; start < c; start += FN(sum_run)) {
        isize stop = min_isize(start + FN(sum_run), c);
        real sum = 0;
        #pragma omp simd reduction(+ : sum)
        for (isize j = start; j < stop; j++) sum += FN(vec_exp)(x[j] - largest);
        total += (double)sum;
    }
    return total;
}

static double FN(dot)(const real *x, const real *y, isize c)
{
    double total = 0;
    for (isize start = 0; start < c; start += FN(sum_run)) {
        isize stop = min_isize(start + FN(sum_run), c);
        real sum = 0;
        #pragma omp simd reduction(+ : sum)
        for (isize j = start; j < stop; j++) sum += x[j] * y[j];
        total += (double)sum;
    }
    return total;
}

static double FN(row_sum)(const real *x, isize c)
{
    double total = 0;
    for (isize start = 0; start < c; start += FN(sum_run)) {
        isize stop = min_isize(start + FN(sum_run), c);
        real sum = 0;
        #pragma omp simd reduction(+ : sum)
        for (isize j = start; j < stop; j++) sum += x[j];
        total += (double)sum;
    }
    return total;
}

static void FN(softmax_row)(const real *x, real *y, isize c)
{
    real scale = (real)(1 / FN(exp_and_sum)(x, FN(row_max)(x, c), y, c));
    #pragma omp simd
    for (isize j = 0; j < c; j++) y[j] *= scale;
}

/* Short rows: the exponential goes over all of them at once, whole vectors at a time. */
static void FN(softmax_rows)(const real *x, real *y, isize rows, isize c)
{
    for (isize i = 0; i < rows; i++) {
        real largest = FN(row_max)(x + i * c, c);
        for (isize j = 0; j < c; j++) y[i * c + j] = x[i * c + j] - largest;
    }
    #pragma omp simd
    for (isize k = 0; k < rows * c; k++) y[k] = FN(vec_exp)(y[k]);
    for (isize i = 0; i < rows; i++) {
        real scale = (real)(1 / FN(row_sum)(y + i * c, c));
        for (isize j = 0; j < c; j++) y[i * c + j] *= scale;
    }
}

static void FN(log_softmax_row)(const real *x, real *y, isize c)
{
    real largest = FN(row_max)(x, c), log_sum = (real)log(FN(sum_of_exp)(x, largest, c));
    #pragma omp simd
    for (isize j = 0; j < c; j++) y[j] = x[j] - largest - log_sum;
}

static void FN(softmax_back_row)(const real *dy, const real *y, real *dx, isize c)
{
    real common = (real)FN(dot)(dy, y, c);
    #pragma omp simd
    for (isize j = 0; j < c; j++) dx[j] = y[j] * (dy[j] - common);
}

static void FN(log_softmax_back_row)(const real *dy, const real *y, real *dx, isize c)
{
    real sum = (real)FN(row_sum)(dy, c);
    #pragma omp simd
    for (isize j = 0; j < c; j++) dx[j] = dy[j] - FN(vec_exp)(y[j]) * sum;
}

/* Rows of c elements that a part takes at a time. */
static isize FN(rows_together)(isize c) { return c < 256 ? 1024 / max_isize(c, 1) : 1; }

static void FN(softmax_part)(const void *args, isize start, isize stop)
{
    const FN(softmax_args) *a = args;
    if (a->c < 256) FN(softmax_rows)(a->x + start * a->c, a->y + start * a->c, stop - start, a->c);
    else for (isize i = start; i < stop; i++) FN(softmax_row)(a->x + i * a->c, a->y + i * a->c, a->c);
}
pydl_status FN(softmax_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(softmax_args) *a = args;
    return run_parts(ctx, a->n * a->c > PARALLEL_MIN / 4, a->n, FN(rows_together)(a->c), FN(softmax_part), a);
}

static void FN(log_softmax_part)(const void *args, isize start, isize stop)
{
    const FN(softmax_args) *a = args;
    for (isize i = start; i < stop; i++) FN(log_softmax_row)(a->x + i * a->c, a->y + i * a->c, a->c);
}
pydl_status FN(log_softmax_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(softmax_args) *a = args;
    return run_parts(ctx, a->n * a->c > PARALLEL_MIN / 4, a->n, FN(rows_together)(a->c), FN(log_softmax_part), a);
}

static void FN(softmax_back_part)(const void *args, isize start, isize stop)
{
    const FN(softmax_backward_args) *a = args;
    for (isize i = start; i < stop; i++) FN(softmax_back_row)(a->dy + i * a->c, a->y + i * a->c, a->dx + i * a->c, a->c);
}
pydl_status FN(softmax_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(softmax_backward_args) *a = args;
    return run_parts(ctx, a->n * a->c > PARALLEL_MIN, a->n, FN(rows_together)(a->c), FN(softmax_back_part), a);
}

static void FN(log_softmax_back_part)(const void *args, isize start, isize stop)
{
    const FN(softmax_backward_args) *a = args;
    for (isize i = start; i < stop; i++) FN(log_softmax_back_row)(a->dy + i * a->c, a->y + i * a->c, a->dx + i * a->c, a->c);
}
pydl_status FN(log_softmax_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(softmax_backward_args) *a = args;
    return run_parts(ctx, a->n * a->c > PARALLEL_MIN / 4, a->n, FN(rows_together)(a->c), FN(log_softmax_back_part), a);
}
#endif
