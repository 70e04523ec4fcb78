/* Activations: pointwise (structs in pointwise.h), and softmax over rows. */
#ifndef real
#ifndef PYDL_ACTIVATION_H
#define PYDL_ACTIVATION_H
#include "pydl.h"
#include "pointwise.h"
#define EACH_REAL "activation.h"
#include "each_real.h"
#endif
#else

/* Forward: pointwise_args, y from x.  A NaN stays a NaN.
   Backward: pointwise_backward_args, dx from dy and the array named in each line. */

/* max(x, 0)      from y: y > 0 ? dy : 0 */
pydl_status FN(relu_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(relu_backward)(const pydl_ctx *ctx, const void *args);

/* x > 0 ? x : alpha x      from y: y > 0 ? dy : alpha dy      (alpha >= 0, so y > 0 exactly where x > 0) */
pydl_status FN(leaky_relu_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(leaky_relu_backward)(const pydl_ctx *ctx, const void *args);

/* min(max(x, 0), 6)      from y: 0 < y < 6 ? dy : 0 */
pydl_status FN(relu6_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(relu6_backward)(const pydl_ctx *ctx, const void *args);

/* 1 / (1 + e^-x)      from y: dy y (1 - y) */
pydl_status FN(sigmoid_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(sigmoid_backward)(const pydl_ctx *ctx, const void *args);

/* tanh x      from y: dy (1 - y^2) */
pydl_status FN(tanh_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(tanh_backward)(const pydl_ctx *ctx, const void *args);

/* x > 0 ? x : alpha (e^x - 1)      from y: y > 0 ? dy : dy (y + alpha)      (alpha >= 0) */
pydl_status FN(elu_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(elu_backward)(const pydl_ctx *ctx, const void *args);

/* x > 0 ? x : alpha (e^(x / alpha) - 1)      from y: y > 0 ? dy : dy (y / alpha + 1)      (alpha > 0) */
pydl_status FN(celu_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(celu_backward)(const pydl_ctx *ctx, const void *args);

/* 1.0507... times elu with alpha 1.6732... (Klambauer et al. 2017)      from y */
pydl_status FN(selu_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(selu_backward)(const pydl_ctx *ctx, const void *args);

/* log(1 + e^x)      from y: dy (1 - e^-y) */
pydl_status FN(softplus_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(softplus_backward)(const pydl_ctx *ctx, const void *args);

/* -log(1 + e^-x)      from y: dy (1 - e^y) */
pydl_status FN(log_sigmoid_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(log_sigmoid_backward)(const pydl_ctx *ctx, const void *args);

/* x / (1 + |x|)      from x: dy / (1 + |x|)^2 */
pydl_status FN(softsign_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(softsign_backward)(const pydl_ctx *ctx, const void *args);

/* min(max(x + 3, 0), 6) / 6      from y: 0 < y < 1 ? dy / 6 : 0 */
pydl_status FN(hard_sigmoid_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(hard_sigmoid_backward)(const pydl_ctx *ctx, const void *args);

/* x hard_sigmoid(x)      from x */
pydl_status FN(hard_silu_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(hard_silu_backward)(const pydl_ctx *ctx, const void *args);

/* min(max(x, -1), 1)      from y: -1 < y < 1 ? dy : 0 */
pydl_status FN(hard_tanh_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(hard_tanh_backward)(const pydl_ctx *ctx, const void *args);

/* x sigmoid(x)      from x */
pydl_status FN(silu_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(silu_backward)(const pydl_ctx *ctx, const void *args);

/* x Phi(x), Phi the normal distribution function      from x: dy (Phi(x) + x phi(x)) */
pydl_status FN(gelu_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(gelu_backward)(const pydl_ctx *ctx, const void *args);

/* x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2      from x */
pydl_status FN(gelu_tanh_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(gelu_tanh_backward)(const pydl_ctx *ctx, const void *args);

/* x tanh(log(1 + e^x))      from x */
pydl_status FN(mish_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(mish_backward)(const pydl_ctx *ctx, const void *args);

/* y[i] = x >= limit ? limit : x >= threshold ? x : slope (x - threshold).  x, y: (n,).  Overwrites y; y may be x. */
typedef struct { const real *x; double slope; double threshold; double limit; isize n; real *y; } FN(clipped_relu_forward_args);
pydl_status FN(clipped_relu_forward)(const pydl_ctx *ctx, const void *args);

/* dx[i] = x >= limit ? 0 : x >= threshold ? dy : slope dy.  dy, x, dx: (n,).  Overwrites dx; dx may be dy or x. */
typedef struct { const real *dy; const real *x; double slope; double threshold; double limit; isize n; real *dx; } FN(clipped_relu_backward_args);
pydl_status FN(clipped_relu_backward)(const pydl_ctx *ctx, const void *args);

/* softmax: y[i, j] = e^(x[i, j]) / sum_k e^(x[i, k]), log_softmax its logarithm.  The row's largest element is taken off
   first, so nothing overflows; sums in double every 512 elements.  x, y: (n, c).  Overwrites y; y may be x. */
typedef struct { const real *x; isize n; isize c; real *y; } FN(softmax_args);
pydl_status FN(softmax_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(log_softmax_forward)(const pydl_ctx *ctx, const void *args);

/* softmax: dx = y (dy - sum_k dy[k] y[k]);   log_softmax: dx = dy - e^y sum_k dy[k].
   dy, y, dx: (n, c).  Overwrites dx; dx may be dy or y. */
typedef struct { const real *dy; const real *y; isize n; isize c; real *dx; } FN(softmax_backward_args);
pydl_status FN(softmax_backward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(log_softmax_backward)(const pydl_ctx *ctx, const void *args);

#endif
