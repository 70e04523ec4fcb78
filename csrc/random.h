/* Random numbers as functions of (seed, counter, position): Philox4x32-10 (philox.h).  stream: (2,), seed and counter, by
   pointer, so that a recorded step moves on by itself and a saved model goes on where it was.
   Uniform and integer numbers are the same bits on every machine; normal ones are too, as long as the compiler keeps
   to IEEE arithmetic (no fused multiply-add here).  A float number is the double one of
   that stream and position, rounded (uniform: cut off).  Every kernel overwrites y, (n,), and leaves the stream alone. */
#ifndef real
#ifndef PYDL_RANDOM_H
#define PYDL_RANDOM_H
#include "pydl.h"
#include "each_real.h"      /* LEVEL_FN */

/* counter += 1: the next use draws other numbers. */
typedef struct { uint64_t *stream; } LEVEL_FN(stream_advance_args);
pydl_status LEVEL_FN(stream_advance)(const pydl_ctx *ctx, const void *args);

/* Integers in low <= y < low + span; span > 0.  (Their bias, span / 2^64, is beyond detection.) */
typedef struct { const uint64_t *stream; int64_t low; uint64_t span; isize n; int64_t *y; } LEVEL_FN(random_integers_args);
pydl_status LEVEL_FN(random_integers)(const pydl_ctx *ctx, const void *args);

/* A permutation of 0 .. n - 1, all equally likely: for i = n - 1 .. 1, swap y[i] with y[j], j in 0 .. i from the stream's next 64 bits. */
typedef struct { const uint64_t *stream; isize n; int64_t *y; } LEVEL_FN(random_permutation_args);
pydl_status LEVEL_FN(random_permutation)(const pydl_ctx *ctx, const void *args);

/* The 64 words of each group of 16 blocks, as philox.h lays them out, for n words: what the known answers are tested on. */
typedef struct { const uint64_t *stream; isize n; uint32_t *y; } LEVEL_FN(random_words_args);
pydl_status LEVEL_FN(random_words)(const pydl_ctx *ctx, const void *args);

#define EACH_REAL "random.h"
#include "each_real.h"
#endif
#else

/* low <= y < high, on a grid of 2^-24 (float) or 2^-53 (double) of the range.  low = high: all low. */
typedef struct { const uint64_t *stream; double low; double high; isize n; real *y; } FN(random_uniform_args);
pydl_status FN(random_uniform)(const pydl_ctx *ctx, const void *args);

/* mean + stddev * z, z standard normal: the inverse of the distribution function, relative error 1e-15, of a uniform number. */
typedef struct { const uint64_t *stream; double mean; double stddev; isize n; real *y; } FN(random_normal_args);
pydl_status FN(random_normal)(const pydl_ctx *ctx, const void *args);

/* As random_normal, z confined to -2 .. 2 (whose standard deviation is 0.87962566). */
typedef struct { const uint64_t *stream; double mean; double stddev; isize n; real *y; } FN(random_truncated_normal_args);
pydl_status FN(random_truncated_normal)(const pydl_ctx *ctx, const void *args);

#endif
