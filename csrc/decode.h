/* Decoding: label sequences out of the scores of connectionist temporal classification, and tokens drawn from scores.

   logits: (n, steps, classes) or (n, classes), any real scores, -infinity for what cannot be.  A row of them without a finite
   largest score (NaN, +infinity, all -infinity, no class) is PYDL_BAD_VALUE, its number the fault's.
   lengths: (n,) of any dtype, the steps of each sample that count; PYDL_BAD_INDEX unless 0 <= length <= steps.
   Ties: the lower class is the better one, everywhere.  In double; a sample is one thread's work, from its first step to its last. */
#ifndef real
#ifndef PYDL_DECODE_H
#define PYDL_DECODE_H
#include "pydl.h"
#define EACH_REAL "decode.h"
#include "each_real.h"
#endif
#else

/* The best class of each step; then, with merge, one of equal neighbours; then without the blanks.
   labels: (n, steps), -1 behind the end.  score: (n,), minus the sum of the best logits.  Overwrites both. */
typedef struct {
    const real *logits; const void *lengths; isize length_code; isize n; isize steps; isize classes; isize blank; isize merge;
    int32_t *labels; real *score;
} FN(ctc_greedy_args);
pydl_status FN(ctc_greedy)(const pydl_ctx *ctx, const void *args);

/* Prefix beam search: after each step the `width` likeliest label sequences, each with the sum over all its alignments so far.
   Of equal ones the one whose beginning ranked higher before the step; of one beginning: itself, then its extensions by rising class.
   labels: (paths, n, steps), -1 behind the end; score: (n, paths), the log of the probability, -infinity where there are fewer sequences.
   Overwrites both. */
typedef struct {
    void *scratch;
    const real *logits; const void *lengths; isize length_code; isize n; isize steps; isize classes; isize blank; isize width; isize paths;
    int32_t *labels; real *score;
} FN(ctc_beam_args);
pydl_status FN(ctc_beam)(const pydl_ctx *ctx, const void *args);
isize FN(ctc_beam_scratch)(const pydl_ctx *ctx, const void *args);

/* ids[i] = the class at which the sum of probabilities passes uniform[i] in [0, 1): p = softmax(logits / temperature), of which the top_k largest
   stay, and of these the fewest whose share is at least top_p.  Temperature 0: the largest.  logits: (n, classes), uniform, ids: (n,).  Overwrites ids. */
typedef struct {
    void *scratch;
    const real *logits; const double *uniform; isize n; isize classes; double temperature; isize top_k; double top_p;
    int64_t *ids;
} FN(sample_logits_args);
pydl_status FN(sample_logits)(const pydl_ctx *ctx, const void *args);
isize FN(sample_logits_scratch)(const pydl_ctx *ctx, const void *args);

#endif
