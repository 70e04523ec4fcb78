/* Inverted dropout.  Which elements stay is a function of (seed, counter, position), so it is the same for any number of
   threads; stream: (2,), seed and counter, moved on by stream_advance (random.h) after each use. */
#ifndef real
#ifndef PYDL_DROPOUT_H
#define PYDL_DROPOUT_H
#include "pydl.h"
#define EACH_REAL "dropout.h"
#include "each_real.h"
#endif
#else

/* mask[i] = 1 with probability 1 - rate (to 2^-32), else 0;  y[i] = mask[i] ? x[i] / (1 - rate) : 0.   0 <= rate < 1.
   x, y, mask: (n,).  Overwrites y and mask; y may be x.  The mask is kept, a byte an element: backward takes
   7 us with it at 65,536 elements, and would take 35 to draw it again. */
typedef struct { const uint64_t *stream; double rate; const real *x; isize n; real *y; uint8_t *mask; } FN(dropout_forward_args);
pydl_status FN(dropout_forward)(const pydl_ctx *ctx, const void *args);

/* dx[i] = mask[i] ? dy[i] / (1 - rate) : 0.  Overwrites dx; dx may be dy. */
typedef struct { double rate; const real *dy; const uint8_t *mask; isize n; real *dx; } FN(dropout_backward_args);
pydl_status FN(dropout_backward)(const pydl_ctx *ctx, const void *args);

/* noise[i] = mask[i] / (1 - rate): what to multiply by where whole rows or channels are dropped together.  Overwrites noise, (n,). */
typedef struct { const uint64_t *stream; double rate; isize n; real *noise; } FN(dropout_noise_args);
pydl_status FN(dropout_noise)(const pydl_ctx *ctx, const void *args);

#endif
