/* Batch normalisation over the last axis, layer normalisation over the last axes.  x, y, dy, dx: (rows, c), c fastest.

   Statistics are those of all rows, the variance biased (divided by rows).  Blocks of 64 rows are summed in the input's type,
   around the mean of the rows before them, and the blocks in double, in an order that depends on (rows, c) only.
   gamma or beta NULL: 1 or 0.   relu not 0: y = max(y, 0) in the same pass, and backward takes dy as 0 where the
   normalised value is not above 0 (it is computed again, so y need not be kept).
   rows = 0: the mean counts as 0 and the variance as 0, moving statistics stay. */
#ifndef real
#ifndef PYDL_NORM_H
#define PYDL_NORM_H
#include "pydl.h"
#define EACH_REAL "norm.h"
#include "each_real.h"
#endif
#else

/* y = (x - mean) * rstd * gamma + beta with mean and rstd = 1 / sqrt(variance + epsilon) of this batch, both (c,), overwritten.
   moving_mean = moving_mean * momentum + mean * (1 - momentum), moving_variance likewise; both NULL: not wanted.
   skip, like x, is added to y before the relu; NULL: nothing is. */
typedef struct {
    void *scratch;
    const real *x, *gamma, *beta, *skip;
    double epsilon, momentum;
    isize rows, c, relu;
    real *y, *mean, *rstd, *moving_mean, *moving_variance;
} FN(batch_norm_forward_args);
pydl_status FN(batch_norm_forward)(const pydl_ctx *ctx, const void *args);
isize FN(batch_norm_forward_scratch)(const pydl_ctx *ctx, const void *args);

/* Gradients through the statistics of the batch: with xhat = (x - mean) * rstd,
   dbeta = sum dy,  dgamma = sum dy * xhat,  dx = gamma * rstd * (dy - dbeta / rows - xhat * dgamma / rows).
   Overwrites; dx, dgamma, dbeta NULL where not wanted.
   With skip and relu: y as forward left it, and dskip = dy where y > 0, else 0, overwritten; both NULL otherwise. */
typedef struct {
    void *scratch;
    const real *dy, *x, *gamma, *beta, *mean, *rstd, *y;
    isize rows, c, relu;
    real *dx, *dgamma, *dbeta, *dskip;
} FN(batch_norm_backward_args);
pydl_status FN(batch_norm_backward)(const pydl_ctx *ctx, const void *args);
isize FN(batch_norm_backward_scratch)(const pydl_ctx *ctx, const void *args);

/* y = (x - mean) / sqrt(variance + epsilon) * gamma + beta with given mean and variance, (c,).  Overwrites y; y may be x. */
typedef struct {
    void *scratch;
    const real *x, *gamma, *beta, *mean, *variance;
    double epsilon;
    isize rows, c, relu;
    real *y;
} FN(batch_norm_inference_forward_args);
pydl_status FN(batch_norm_inference_forward)(const pydl_ctx *ctx, const void *args);
isize FN(batch_norm_inference_forward_scratch)(const pydl_ctx *ctx, const void *args);

/* Its gradients, mean and variance being constants: dx = dy * gamma / sqrt(variance + epsilon), dgamma and dbeta as above. */
typedef struct {
    void *scratch;
    const real *dy, *x, *gamma, *beta, *mean, *variance;
    double epsilon;
    isize rows, c, relu;
    real *dx, *dgamma, *dbeta;
} FN(batch_norm_inference_backward_args);
pydl_status FN(batch_norm_inference_backward)(const pydl_ctx *ctx, const void *args);
isize FN(batch_norm_inference_backward_scratch)(const pydl_ctx *ctx, const void *args);

/* Each row for itself: y = (x - mean) * rstd * gamma + beta, gamma and beta (c,); mean and rstd (rows,) are overwritten too. */
typedef struct {
    const real *x, *gamma, *beta;
    double epsilon;
    isize rows, c;
    real *y, *mean, *rstd;
} FN(layer_norm_forward_args);
pydl_status FN(layer_norm_forward)(const pydl_ctx *ctx, const void *args);

/* With h = dy * gamma: dx = rstd * (h - mean(h) - xhat * mean(h * xhat)), means over the row; dgamma = sum over rows of dy * xhat,
   dbeta = sum of dy.  Overwrites; NULL where not wanted. */
typedef struct {
    void *scratch;
    const real *dy, *x, *gamma, *mean, *rstd;
    isize rows, c;
    real *dx, *dgamma, *dbeta;
} FN(layer_norm_backward_args);
pydl_status FN(layer_norm_backward)(const pydl_ctx *ctx, const void *args);
isize FN(layer_norm_backward_scratch)(const pydl_ctx *ctx, const void *args);

#endif
