/* Weight penalties (L1, L2) and the constraints that put weights back where they belong.  w: (n,). */
#ifndef real
#ifndef PYDL_PENALTY_H
#define PYDL_PENALTY_H
#include "pydl.h"
#define EACH_REAL "penalty.h"
#include "each_real.h"
#endif
#else

/* value[0] = l1 * sum |w| + l2 * sum w^2.  Blocks of 4096 in double, added in order.  Overwrites value. */
typedef struct { void *scratch; const real *w; double l1; double l2; isize n; real *value; } FN(penalty_forward_args);
pydl_status FN(penalty_forward)(const pydl_ctx *ctx, const void *args);
isize FN(penalty_forward_scratch)(const pydl_ctx *ctx, const void *args);

/* dw[i] = dvalue[0] * (l1 * sign(w[i]) + 2 * l2 * w[i]), sign(0) = 0.  Overwrites dw. */
typedef struct { const real *dvalue; const real *w; double l1; double l2; isize n; real *dw; } FN(penalty_backward_args);
pydl_status FN(penalty_backward)(const pydl_ctx *ctx, const void *args);

/* w: (outer, d, inner).  For each (o, i), norm = sqrt(sum over d of w^2) is drawn to wanted = min(max(norm, low), high):
   w *= (rate * wanted + (1 - rate) * norm) / (norm + 1e-7).   In place. */
typedef struct { isize outer; isize d; isize inner; double low; double high; double rate; real *w; } FN(constrain_norm_args);
pydl_status FN(constrain_norm)(const pydl_ctx *ctx, const void *args);

/* w[i] = max(w[i], 0), NaN stays.  In place. */
typedef struct { isize n; real *w; } FN(constrain_non_negative_args);
pydl_status FN(constrain_non_negative)(const pydl_ctx *ctx, const void *args);

#endif
