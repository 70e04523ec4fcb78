/* Pointwise activations.  x, y, dy, dx: (n,).  Every kernel overwrites its output; the output may be the input. */
#ifndef real
#ifndef PYDL_ACTIVATION_H
#define PYDL_ACTIVATION_H
#include "pydl.h"
#define EACH_REAL "activation.h"
#include "each_real.h"
#endif
#else

/* y[i] = x[i] > 0 ? x[i] : slope * x[i] */
typedef struct { const real *x; double slope; isize n; real *y; } FN(leaky_relu_forward_args);
pydl_status FN(leaky_relu_forward)(const pydl_ctx *ctx, const void *args);

/* dx[i] = y[i] > 0 ? dy[i] : slope * dy[i]      (slope >= 0, so y > 0 exactly where x > 0) */
typedef struct { const real *dy; const real *y; double slope; isize n; real *dx; } FN(leaky_relu_backward_args);
pydl_status FN(leaky_relu_backward)(const pydl_ctx *ctx, const void *args);

#endif
