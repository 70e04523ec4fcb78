/* Optimizer steps: every parameter of a model in one call.

   An entry is one parameter: w (n,) updated in place, g (n,) its gradient, s0..s2 (n,) what the method remembers.
   An entry with rows concerns those rows of w only: w is (limit, width), g (n / width, width) holds found[0] rows, row k of it for row rows[k] of w, each
   row at most once; no other row of w, s0, s1, s2 is read or written.  PYDL_BAD_INDEX unless 0 <= rows[k] < limit.
   The entries (count of them) stand at the end of the struct, so that a recording holds them with the rest.
   What a user may change between two steps (the learning rate, a momentum) is read through `hyper`, an array of doubles
   laid out as the kernel's struct below; what changes the shape of the computation (nesterov, amsgrad) is a kernel of its own.

   Every update begins alike:    g <- clip(g * g_scale, +-clip_value),    w <- w * (1 - rate * decay),
   with rate = learning_rate * lr_scale and decay = weight_decay * entry.decay,
   and ends with iterations += advance.  t below is iterations + 1. */
#ifndef real
#ifndef PYDL_OPTIM_H
#define PYDL_OPTIM_H
#include "pydl.h"

/* clip_value: infinity where values are not clipped. */
typedef struct { double learning_rate, weight_decay, clip_value; } pydl_optim_hyper;
typedef struct { pydl_optim_hyper common; double momentum, bias_correction; } pydl_sgd_hyper;      /* the second: 0 or 1 */
typedef struct { pydl_optim_hyper common; double rho, momentum, epsilon; } pydl_rmsprop_hyper;
typedef struct { pydl_optim_hyper common; double beta_1, beta_2, epsilon; } pydl_adam_hyper;
typedef struct { pydl_optim_hyper common; double beta_1, beta_2, epsilon, u_product; } pydl_nadam_hyper;
typedef struct { pydl_optim_hyper common; double epsilon; } pydl_adagrad_hyper;
typedef struct { pydl_optim_hyper common; double rho, epsilon; } pydl_adadelta_hyper;
typedef struct { pydl_optim_hyper common; double beta_1, beta_2; } pydl_lion_hyper;

#define EACH_REAL "optim.h"
#include "each_real.h"
#endif
#else

typedef struct {
    real *w; const real *g; real *s0; real *s1; real *s2; isize n; double lr_scale; double decay;
    const int64_t *rows; const int64_t *found; isize width; isize limit;              /* NULL: all of w */
} FN(optim_entry);

/* The clip factors, for the updates' g_scale.  g_scale: (count,), overwritten.
   clip_norm:         g_scale[k] = min(1, limit / ||g_k||)
   clip_global_norm:  the same factor for all, with the norm of all gradients together. */
typedef struct { void *scratch; isize count; const double *limit; double *g_scale; FN(optim_entry) entries[]; } FN(clip_norm_args);
typedef FN(clip_norm_args) FN(clip_global_norm_args);
pydl_status FN(clip_norm)(const pydl_ctx *ctx, const void *args);
pydl_status FN(clip_global_norm)(const pydl_ctx *ctx, const void *args);
isize FN(clip_norm_scratch)(const pydl_ctx *ctx, const void *args);
isize FN(clip_global_norm_scratch)(const pydl_ctx *ctx, const void *args);

/* hyper: the struct named with the kernel.  g_scale: (count,) or NULL for ones.
   gate: where not NULL, nothing happens unless gate[0] is a multiple of `every`. */
typedef struct {
    isize count; void *hyper; const double *g_scale; int64_t *iterations; isize advance; const int64_t *gate; isize every; FN(optim_entry) entries[];
} FN(optim_update_args);

/* Gradients of `every` calls together: calls[0] += 1, then s0 = g at the first call of a round, s0 += g at the others, and at the last
   s0 is divided by `every`: what an update gated by calls takes for its gradient. */
typedef struct { isize count; int64_t *calls; isize every; FN(optim_entry) entries[]; } FN(accumulate_gradients_args);
pydl_status FN(accumulate_gradients)(const pydl_ctx *ctx, const void *args);

/* Behind an update: s0 = momentum[0] * s0 + (1 - momentum[0]) * w, at the first step s0 = w;  where overwrite is not 0, w = s0 at
   every step that is a multiple of it.  iterations: as the update left it.  g is not used.  gate, every: as above. */
typedef struct {
    isize count; const double *momentum; const int64_t *iterations; isize overwrite; const int64_t *gate; isize every; FN(optim_entry) entries[];
} FN(average_weights_args);
pydl_status FN(average_weights)(const pydl_ctx *ctx, const void *args);

/* ---- pydl_sgd_hyper ---- */

/* w -= rate * g */
pydl_status FN(sgd_update)(const pydl_ctx *ctx, const void *args);
/* s0 = momentum * s0 - rate * g;    w += s0 */
pydl_status FN(momentum_update)(const pydl_ctx *ctx, const void *args);
/* s0 as above;    w += momentum * s0 - rate * g */
pydl_status FN(nesterov_update)(const pydl_ctx *ctx, const void *args);
/* s0 = momentum * s0 + (1 - momentum) * g;    w -= rate * s0 / c,    c = bias_correction ? 1 - momentum^t : 1 */
pydl_status FN(averaged_momentum_update)(const pydl_ctx *ctx, const void *args);
/* s0 as above;    w -= rate * (momentum * s0 / c + (1 - momentum) * g) */
pydl_status FN(averaged_nesterov_update)(const pydl_ctx *ctx, const void *args);

/* ---- pydl_rmsprop_hyper:  s0 = rho * s0 + (1 - rho) * g^2,  step = rate * g / sqrt(s0 + epsilon) ---- */

/* w -= step */
pydl_status FN(rmsprop_update)(const pydl_ctx *ctx, const void *args);
/* s1 = momentum * s1 + step;    w -= s1 */
pydl_status FN(rmsprop_momentum_update)(const pydl_ctx *ctx, const void *args);
/* s1 = rho * s1 + (1 - rho) * g;    step = rate * g / sqrt(s0 - s1^2 + epsilon);    w -= step */
pydl_status FN(rmsprop_centered_update)(const pydl_ctx *ctx, const void *args);
/* s2 = rho * s2 + (1 - rho) * g;    step = rate * g / sqrt(s0 - s2^2 + epsilon);    s1 = momentum * s1 + step;    w -= s1 */
pydl_status FN(rmsprop_centered_momentum_update)(const pydl_ctx *ctx, const void *args);

/* ---- pydl_adam_hyper:  s0 += (1 - beta_1) * (g - s0) ---- */

/* s1 += (1 - beta_2) * (g^2 - s1);    w -= rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * s0 / (sqrt(s1) + epsilon) */
pydl_status FN(adam_update)(const pydl_ctx *ctx, const void *args);
/* The same with s2 = max(s2, s1) under the root. */
pydl_status FN(amsgrad_update)(const pydl_ctx *ctx, const void *args);
/* s1 = max(beta_2 * s1, |g|);    w -= rate / (1 - beta_1^t) * s0 / (s1 + epsilon) */
pydl_status FN(adamax_update)(const pydl_ctx *ctx, const void *args);

/* pydl_nadam_hyper.  s0, s1 as adam;    u(t) = beta_1 * (1 - 0.5 * 0.96^t);    u_product *= u(t), kept where advance is not 0
   w -= rate * (u(t+1) * s0 / (1 - u_product * u(t+1)) + (1 - u(t)) * g / (1 - u_product)) / (sqrt(s1 / (1 - beta_2^t)) + epsilon) */
pydl_status FN(nadam_update)(const pydl_ctx *ctx, const void *args);

/* pydl_adagrad_hyper.  s0 += g^2;    w -= rate * g / sqrt(s0 + epsilon) */
pydl_status FN(adagrad_update)(const pydl_ctx *ctx, const void *args);

/* pydl_adadelta_hyper.  s0 = rho * s0 + (1 - rho) * g^2;    step = sqrt(s1 + epsilon) / sqrt(s0 + epsilon) * g
   s1 = rho * s1 + (1 - rho) * step^2;    w -= rate * step */
pydl_status FN(adadelta_update)(const pydl_ctx *ctx, const void *args);

/* pydl_lion_hyper.  w -= rate * sign(beta_1 * s0 + (1 - beta_1) * g);    s0 = beta_2 * s0 + (1 - beta_2) * g */
pydl_status FN(lion_update)(const pydl_ctx *ctx, const void *args);

#endif
