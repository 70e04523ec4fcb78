/* What the losses of classes and those of single elements share: how rows are grouped, summed and clipped. */
#ifndef real
#ifndef PYDL_LOSS_PARTS_H
#define PYDL_LOSS_PARTS_H
#include "internal.h"
#include "loss.h"

/* Rows are taken in groups of about this many elements: they stay in L1, and short rows share vectors. */
#define GROUP ((isize)1024)
/* An exponential is worth several plain operations, so a second thread pays earlier than PARALLEL_MIN. */
#define LOSS_PARALLEL_MIN ((isize)16384)

static inline isize rows_of_group(isize row) { return row > 0 ? max_isize(1, GROUP / row) : GROUP; }

#define EACH_REAL "loss_parts.h"
#include "each_real.h"
#endif
#else

/* Keras's epsilon: probabilities stay this far from 0 and 1. */
static const real FN(smallest) = (real)1e-7, FN(largest) = 1 - (real)1e-7;

static inline real FN(clip_prob)(real p) { return p < FN(smallest) ? FN(smallest) : p > FN(largest) ? FN(largest) : p; }
static inline int FN(is_clipped)(real p) { return p < FN(smallest) || p > FN(largest); }

static double FN(row_sum)(const real *x, isize n)
{
    double total = 0;
    for (isize start = 0; start < n; start += GROUP) {
        real sum = 0;
        #pragma omp simd reduction(+ : sum)
        for (isize j = start; j < min_isize(n, start + GROUP); j++) sum += x[j];
        total += (double)sum;
    }
    return total;
}

#endif
