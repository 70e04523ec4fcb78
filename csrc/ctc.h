/* Connectionist temporal classification: minus the log of the probability of a label sequence, over all its alignments.

   logits: (n, steps, classes), class 0 is the blank.  labels: (n, length) of any dtype; a row's sequence are its first k
   labels, k the number of those that are not 0.  mask: (n, steps) or NULL; a step whose byte is 0 is not there: nobody looks at its logits, and
   their gradient is 0.  loss, dloss: (n,), dlogits: (n, steps, classes).  Log space, in double.
   PYDL_BAD_INDEX for a label that is no class (its place in labels); PYDL_BAD_VALUE for a sequence longer than steps allow
   (fault: its row, the steps it needs, the unmasked steps there are).  A sequence of probability 0 has the loss infinity and gradient 0. */
#ifndef real
#ifndef PYDL_CTC_H
#define PYDL_CTC_H
#include "pydl.h"
#define EACH_REAL "ctc.h"
#include "each_real.h"
#endif
#else

/* Overwrites loss. */
typedef struct {
    void *scratch;
    const real *logits; const void *labels; isize label_code; const uint8_t *mask; isize n; isize steps; isize classes; isize length;
    real *loss;
} FN(ctc_loss_forward_args);
pydl_status FN(ctc_loss_forward)(const pydl_ctx *ctx, const void *args);
isize FN(ctc_loss_forward_scratch)(const pydl_ctx *ctx, const void *args);

/* dlogits = dloss * (softmax(logits) - how likely each class is at each step, given the labels).  Overwrites dlogits. */
typedef struct {
    void *scratch;
    const real *dloss; const real *logits; const void *labels; isize label_code; const uint8_t *mask; isize n; isize steps; isize classes;
    isize length;
    real *dlogits;
} FN(ctc_loss_backward_args);
pydl_status FN(ctc_loss_backward)(const pydl_ctx *ctx, const void *args);
isize FN(ctc_loss_backward_scratch)(const pydl_ctx *ctx, const void *args);

#endif
