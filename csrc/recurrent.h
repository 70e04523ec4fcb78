/* Recurrent layers over a whole sequence: forward, and back-propagation through time.

   x, dx: (n, t, d_in).  y, dy: (n, t, units), in the order of the steps.  h, c, h0, c0 and their gradients: (n, units).  G gates a unit:
   kernel (d_in, G units), recurrent (units, G units), bias (G units,), in column blocks of `units`.  p = x kernel + bias, then

   RECURRENT_TANH        G = 1         h' = tanh(p + h R)
   RECURRENT_LSTM        G = 4: i f g o   i f o = sigmoid, g = tanh of p + h R;  c' = f c + i g;  h' = o tanh(c').  With peephole (3, units):
                                       peephole[0] c and peephole[1] c are added to what i and f are the sigmoid of, peephole[2] c' to o's
   RECURRENT_GRU         G = 3: z r g     q = h R + bias[1];  z r = sigmoid(p + q);  g = tanh(p + r q);  h' = z h + (1 - z) g.  bias is (2, 3 units)
   RECURRENT_GRU_BEFORE  G = 3: z r g     the same but g = tanh(p + (r h) R), and bias is (3 units,)
   RECURRENT_GRU_SIMPLE  G = 2: u g       u = sigmoid, g = tanh of p + h R;  h' = u g + (1 - u) h

   Steps that are rows of a table need no products of their own.  With ids (n, t), integers of id_size 4 or 8 bytes, x and dx are (vocab, G units): the p of
   each id, found instead of computed.  Then d_in is 0, kernel and dkernel are NULL, and so is bias, but for RECURRENT_GRU: (3 units,), what above is bias[1].
   PYDL_BAD_INDEX unless 0 <= id < vocab, also where the mask is 0; nothing is written then.

   drop (n, units), if given, multiplies h wherever R does.  mask (n, t): a step whose byte is 0 keeps the state and repeats the output before it, 0 at
   the beginning of a row; it costs no product, forward or back.  backwards: the steps take x from the last to the first; y stands in the order of the steps.
   The rows of a batch do not depend on each other, and each product is one chain over the inputs and units, so any division of the rows gives the
   same bits. */
#ifndef real
#ifndef PYDL_RECURRENT_H
#define PYDL_RECURRENT_H
#include "pydl.h"
enum { RECURRENT_TANH = 0, RECURRENT_LSTM = 1, RECURRENT_GRU = 2, RECURRENT_GRU_BEFORE = 3, RECURRENT_GRU_SIMPLE = 4 };
/* From so many rows on a step makes the products of x and h as one; with fewer it is bound by reading the weights, and those of x would be read again. */
enum { RECURRENT_SHARED_ROWS = 6 };
#define EACH_REAL "recurrent.h"
#include "each_real.h"
#endif
#else

/* What backward reads in the order of the steps lies in this order: the units in panels of RECURRENT_PANEL, the last of them filled up; a panel has a row for
   each live step of each row of the batch, all of one step before those of the next.  gates (panels, G, n t, PANEL): the gates after their functions; cells
   (panels, n t, PANEL): c' of the LSTM, the candidate's q of the GRU; NULL for the others.  RECURRENT_TANH keeps nothing: y says all.  Both may be NULL: no
   backward will come.  recurrent_width(units): panels PANEL.

   bias, h0, c0, drop, mask, peephole may be NULL (zeros, ones, ones, zeros).  c only for the LSTM.  Overwrites gates, cells, y, h, c.
   prepared: what recurrent_prepare made of the same weights, which are given all the same; or NULL. */
enum { FN(RECURRENT_PANEL) = 128 / sizeof(real) };
static inline isize FN(recurrent_width)(isize units)
{
    return (units + FN(RECURRENT_PANEL) - 1) / FN(RECURRENT_PANEL) * FN(RECURRENT_PANEL);
}
typedef struct {
    void *scratch;
    const real *x; const real *kernel; const real *recurrent; const real *bias; const real *peephole;
    const real *h0; const real *c0; const real *drop; const uint8_t *mask;
    const void *ids; isize id_size; isize vocab; const real *prepared;
    isize n; isize t; isize d_in; isize units; isize cell; isize backwards;
    real *gates; real *cells; real *y; real *h; real *c;
} FN(recurrent_forward_args);
pydl_status FN(recurrent_forward)(const pydl_ctx *ctx, const void *args);
isize FN(recurrent_forward_scratch)(const pydl_ctx *ctx, const void *args);

/* The weights packed as recurrent_forward wants them, for calls that do not change them: kernel NULL for those with ids; whether n is below
   RECURRENT_SHARED_ROWS decides which form it is.  prepared: recurrent_prepared_size reals, overwritten. */
typedef struct {
    const real *kernel; const real *recurrent; const real *bias; const real *peephole;
    isize n; isize d_in; isize units; isize cell;
    real *prepared;
} FN(recurrent_prepare_args);
pydl_status FN(recurrent_prepare)(const pydl_ctx *ctx, const void *args);
typedef struct { FN(recurrent_prepare_args) of; isize *size; } FN(recurrent_prepared_size_args);
pydl_status FN(recurrent_prepared_size)(const pydl_ctx *ctx, const void *args);

/* gates and cells as forward left them: they are used up (for RECURRENT_TANH gates is space, whatever it holds).  dy, dh, dc may be NULL: zeros.  dx, dkernel,
   drecurrent, dbias, dpeephole, dh0, dc0 may be NULL: not wanted.  Overwrites those that are. */
typedef struct {
    void *scratch;
    const real *x; const real *kernel; const real *recurrent; const real *peephole;
    const real *h0; const real *c0; const real *drop; const uint8_t *mask;
    const real *y; const real *dy; const real *dh; const real *dc;
    const void *ids; isize id_size; isize vocab;
    isize n; isize t; isize d_in; isize units; isize cell; isize backwards;
    real *gates; real *cells;
    real *dx; real *dkernel; real *drecurrent; real *dbias; real *dpeephole; real *dh0; real *dc0;
} FN(recurrent_backward_args);
pydl_status FN(recurrent_backward)(const pydl_ctx *ctx, const void *args);
isize FN(recurrent_backward_scratch)(const pydl_ctx *ctx, const void *args);

#endif
