/* Losses of one sample each, and their weighted mean.

   A sample is a row; loss, dloss, lse: (n,).  The forward kernels write one value a row; the backward kernels write
   dpred[i, j] = dloss[i] * (d loss[i] / d pred[i, j]).  Every kernel overwrites its outputs; the output of a backward kernel
   may be its pred.  label_code, ignore and the faults of labels: labels.h; a row whose label is `ignore` has loss and gradient zero.

   Cross-entropy from logits is log(sum exp x) - x[label] with the row's maximum taken out, and saves lse[i] = log(sum exp x[i]).
   Cross-entropy from probabilities divides each row by its sum and clips to [1e-7, 1 - 1e-7]; what is clipped has no gradient.
   Targets are smoothed first:  classes: t (1 - smoothing) + smoothing / classes,    binary: t (1 - smoothing) + smoothing / 2. */
#ifndef real
#ifndef PYDL_LOSS_H
#define PYDL_LOSS_H
#include "pydl.h"
#define EACH_REAL "loss.h"
#include "each_real.h"
#endif
#else

/* ---- classes: pred (n, classes) ---- */

/* labels: (n,).  Logits. */
typedef struct {
    const real *pred; const void *labels; isize label_code; isize ignore; isize n; isize classes;
    real *loss; real *lse;
} FN(sparse_cross_entropy_logits_forward_args);
typedef struct {
    const real *dloss; const real *pred; const void *labels; isize label_code; isize ignore; isize n; isize classes; const real *lse;
    real *dpred;
} FN(sparse_cross_entropy_logits_backward_args);
pydl_status FN(sparse_cross_entropy_logits_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(sparse_cross_entropy_logits_backward)(const pydl_ctx *ctx, const void *args);

/* labels: (n,).  Probabilities. */
typedef struct {
    const real *pred; const void *labels; isize label_code; isize ignore; isize n; isize classes;
    real *loss;
} FN(sparse_cross_entropy_probs_forward_args);
typedef struct {
    const real *dloss; const real *pred; const void *labels; isize label_code; isize ignore; isize n; isize classes;
    real *dpred;
} FN(sparse_cross_entropy_probs_backward_args);
pydl_status FN(sparse_cross_entropy_probs_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(sparse_cross_entropy_probs_backward)(const pydl_ctx *ctx, const void *args);

/* target: (n, classes), rows that sum to anything.  Logits. */
typedef struct { const real *pred; const real *target; double smoothing; isize n; isize classes; real *loss; real *lse; } FN(cross_entropy_logits_forward_args);
typedef struct {
    const real *dloss; const real *pred; const real *target; double smoothing; isize n; isize classes; const real *lse;
    real *dpred;
} FN(cross_entropy_logits_backward_args);
pydl_status FN(cross_entropy_logits_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(cross_entropy_logits_backward)(const pydl_ctx *ctx, const void *args);

/* target: (n, classes).  Probabilities. */
typedef struct { const real *pred; const real *target; double smoothing; isize n; isize classes; real *loss; } FN(cross_entropy_probs_forward_args);
typedef struct {
    const real *dloss; const real *pred; const real *target; double smoothing; isize n; isize classes;
    real *dpred;
} FN(cross_entropy_probs_backward_args);
pydl_status FN(cross_entropy_probs_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(cross_entropy_probs_backward)(const pydl_ctx *ctx, const void *args);

/* mask[i] = labels[i] != ignore */
typedef struct { const void *labels; isize label_code; isize ignore; isize n; real *mask; } FN(label_mask_args);
pydl_status FN(label_mask)(const pydl_ctx *ctx, const void *args);

/* ---- element by element: pred, target (n, m); loss[i] = mean over j of l(target[i, j], pred[i, j]) ----
   x is pred, t target.  `setting` is smoothing or delta where the formula names it; the others do not read it.  The mean of no elements is NaN.

   binary_cross_entropy_logits   softplus(x) - x t,  t smoothed
   binary_cross_entropy_probs    -t log p - (1 - t) log(1 - p),  t smoothed, p = x clipped
   squared_error                 (x - t)^2
   absolute_error                |x - t|,  gradient 0 at 0
   huber                         |x - t| <= delta ? (x - t)^2 / 2 : delta |x - t| - delta^2 / 2
   log_cosh                      log cosh(x - t)
   squared_log_error             (log(1 + max(x, 1e-7)) - log(1 + max(t, 1e-7)))^2
   percentage_error              100 |x - t| / max(|t|, 1e-7)
   poisson                       x - t log(x + 1e-7)
   kl_divergence                 t log(t / x), both clipped to [1e-7, 1];  the sum over j, not the mean
   hinge, squared_hinge          max(1 - t x, 0), and its square; targets that are all 0 or 1 are read as -1 and 1 */
typedef struct { const real *pred; const real *target; double setting; isize n; isize m; real *loss; } FN(element_loss_forward_args);
typedef struct { const real *dloss; const real *pred; const real *target; double setting; isize n; isize m; real *dpred; } FN(element_loss_backward_args);
pydl_status FN(binary_cross_entropy_logits_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(binary_cross_entropy_logits_backward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(binary_cross_entropy_probs_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(binary_cross_entropy_probs_backward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(squared_error_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(squared_error_backward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(absolute_error_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(absolute_error_backward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(huber_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(huber_backward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(log_cosh_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(log_cosh_backward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(squared_log_error_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(squared_log_error_backward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(percentage_error_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(percentage_error_backward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(poisson_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(poisson_backward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(kl_divergence_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(kl_divergence_backward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(hinge_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(hinge_backward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(squared_hinge_forward)(const pydl_ctx *ctx, const void *args);
pydl_status FN(squared_hinge_backward)(const pydl_ctx *ctx, const void *args);

/* ---- the mean ----
   result[0] = sum_i values[i] * u[i] / divisor,    u[i] = weights[i / repeat] * mask[i]  (each 1 where NULL)
   divisor: by = 0: 1;    by = 1: mask ? sum mask : n;    by = 2: sum u.    0 / 0 is 0.
   Sums in double.  values, mask: (n,), weights: (n / repeat,).  share[0] = 1 / divisor, kept for backward. */
typedef struct {
    void *scratch;
    const real *values; const real *weights; isize repeat; const real *mask; isize by; isize n;
    real *result; double *share;
} FN(weighted_mean_forward_args);
pydl_status FN(weighted_mean_forward)(const pydl_ctx *ctx, const void *args);
isize FN(weighted_mean_forward_scratch)(const pydl_ctx *ctx, const void *args);
/* dvalues[i] = dresult[0] * u[i] * share[0] */
typedef struct {
    const real *dresult; const double *share; const real *weights; isize repeat; const real *mask; isize n;
    real *dvalues;
} FN(weighted_mean_backward_args);
pydl_status FN(weighted_mean_backward)(const pydl_ctx *ctx, const void *args);

#endif
