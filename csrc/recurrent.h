/* Recurrent layers over a whole sequence: forward, and back-propagation through time.

   x, dx: (n, t, d_in).  y, dy: (n, t, units), in the order of the steps.  h, c, h0, c0 and their gradients: (n, units).  G gates a unit:
   kernel (d_in, G units), recurrent (units, G units), bias (G units,), in column blocks of `units`.  p = x kernel + bias, one product for all steps; then

   RECURRENT_TANH        G = 1         h' = tanh(p + h R)
   RECURRENT_LSTM        G = 4: i f g o   i f o = sigmoid, g = tanh of p + h R;  c' = f c + i g;  h' = o tanh(c')
   RECURRENT_GRU         G = 3: z r g     q = h R + bias[1];  z r = sigmoid(p + q);  g = tanh(p + r q);  h' = z h + (1 - z) g.  bias is (2, 3 units)
   RECURRENT_GRU_BEFORE  G = 3: z r g     the same but g = tanh(p + (r h) R), and bias is (3 units,)

   drop (n, units), if given, multiplies h wherever R does.  mask (n, t): a step whose byte is 0 keeps the state, repeats h as its output and has no
   gradient; a step masked in every row of a thread costs no product.  backwards: the steps take x from the last to the first; y stands in the order of the steps.
   The rows of a batch do not depend on each other, and each product is one chain over the units, so any division of the rows gives the same bits. */
#ifndef real
#ifndef PYDL_RECURRENT_H
#define PYDL_RECURRENT_H
#include "pydl.h"
enum { RECURRENT_TANH = 0, RECURRENT_LSTM = 1, RECURRENT_GRU = 2, RECURRENT_GRU_BEFORE = 3 };
#define EACH_REAL "recurrent.h"
#include "each_real.h"
#endif
#else

/* gates (n, t, G units), kept for backward: the gates after their functions, at the place of their x.  cells (n, t, units), likewise: c' of the LSTM, the
   candidate's q of the GRU, r h of the other; NULL for RECURRENT_TANH.  bias, h0, c0, drop, mask may be NULL (zeros, ones, ones).  c only for the LSTM.
   Overwrites gates, cells, y, h, c. */
typedef struct {
    void *scratch;
    const real *x; const real *kernel; const real *recurrent; const real *bias;
    const real *h0; const real *c0; const real *drop; const uint8_t *mask;
    isize n; isize t; isize d_in; isize units; isize cell; isize backwards;
    real *gates; real *cells; real *y; real *h; real *c;
} FN(recurrent_forward_args);
pydl_status FN(recurrent_forward)(const pydl_ctx *ctx, const void *args);
isize FN(recurrent_forward_scratch)(const pydl_ctx *ctx, const void *args);

/* gates and cells as forward left them: they are used up (gates become the gradient by p).  dy, dh, dc may be NULL: zeros.  dx, dkernel, drecurrent,
   dbias, dh0, dc0 may be NULL: not wanted.  Overwrites those that are. */
typedef struct {
    void *scratch;
    const real *x; const real *kernel; const real *recurrent;
    const real *h0; const real *c0; const real *drop; const uint8_t *mask;
    const real *y; const real *dy; const real *dh; const real *dc;
    isize n; isize t; isize d_in; isize units; isize cell; isize backwards;
    real *gates; real *cells;
    real *dx; real *dkernel; real *drecurrent; real *dbias; real *dh0; real *dc0;
} FN(recurrent_backward_args);
pydl_status FN(recurrent_backward)(const pydl_ctx *ctx, const void *args);
isize FN(recurrent_backward_scratch)(const pydl_ctx *ctx, const void *args);

#endif
