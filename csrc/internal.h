/* Loop helpers for kernel files. */
#ifndef PYDL_INTERNAL_H
#define PYDL_INTERNAL_H

#include <math.h>
#include <omp.h>
#include <string.h>
#include "pydl.h"
#include "each_real.h"

/* Elements a thread takes at a time.  A multiple of every vector width, small enough to stay in L1/L2. */
#define BLOCK ((isize)4096)
/* Below this many elements of simple work, waking a second thread costs more than it saves. */
#define PARALLEL_MIN ((isize)32768)

static inline isize min_isize(isize a, isize b) { return a < b ? a : b; }
static inline isize max_isize(isize a, isize b) { return a > b ? a : b; }
static inline isize ceil_div(isize a, isize b) { return (a + b - 1) / b; }

/* A part of a kernel's work: the elements, rows or tasks start <= i < stop. */
typedef void (*pydl_part)(const void *data, isize start, isize stop);

/* part(data, start, stop) for all 0 <= i < n, `step` at a time; by all threads if it is worth it, in the same steps.
   One thread enters no parallel region: even `omp parallel ... if (0)` costs 0.4 to 0.7 us, as much as a small kernel. */
static inline pydl_status run_parts(const pydl_ctx *ctx, int worth, isize n, isize step, pydl_part part, const void *data)
{
    if (ctx->threads == 1 || !worth) {
        for (isize start = 0; start < n; start += step) part(data, start, min_isize(start + step, n));
        return PYDL_OK;
    }
    #pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (isize start = 0; start < n; start += step) part(data, start, min_isize(start + step, n));
    return PYDL_OK;
}

/* One thread's part in what `threads` of them do together; `omp for`, `barrier` and `single` within it are theirs. */
typedef void (*pydl_team)(const void *data, isize thread, isize threads);

/* For a kernel of several passes with one parallel region. */
static inline void run_team(const pydl_ctx *ctx, int worth, pydl_team team, const void *data)
{
    if (ctx->threads == 1 || !worth) {
        team(data, 0, 1);
        return;
    }
    #pragma omp parallel num_threads(ctx->threads)
    team(data, omp_get_thread_num(), omp_get_num_threads());
}
#endif
