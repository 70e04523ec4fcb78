/* Loop helpers for kernel files. */
#ifndef PYDL_INTERNAL_H
#define PYDL_INTERNAL_H

#include <math.h>
#include <omp.h>
#include <string.h>
#include "float_mode.h"
#include "pydl.h"
#include "team.h"
#include "each_real.h"

/* Elements a thread takes at a time.  A multiple of every vector width, small enough to stay in L1/L2. */
#define BLOCK ((isize)4096)
/* Below this many elements of simple work, waking a second thread costs more than it saves. */
#define PARALLEL_MIN ((isize)32768)

/* Bodies of loops that are to be vectorised: a call left in one keeps the compiler from it. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

static inline isize min_isize(isize a, isize b) { return a < b ? a : b; }
static inline isize max_isize(isize a, isize b) { return a > b ? a : b; }
static inline isize ceil_div(isize a, isize b) { return (a + b - 1) / b; }

/* The only place that enters a parallel region: each thread of it takes the float mode of the calling one, and has its own back afterwards.
   One thread enters none: even `omp parallel ... if (0)` costs 0.4 to 0.7 us, as much as a small kernel.   In a program the region is there already. */
static inline void run_team(const pydl_ctx *ctx, int worth, pydl_team team, const void *data)
{
    if (ctx->threads == 1 || !worth) {
        team(data, 0, 1);
        return;
    }
    if (ctx->crew) {
        pydl_crew_run(ctx->crew, team, data);
        return;
    }
    const uint64_t mode = float_mode();
    set_float_mode(mode & ~(uint64_t)FLUSH_DENORMALS);               /* a thread that OpenMP makes now has this for its own; others may use it, too */
    const int cpu = pydl_team_cpu(ctx->threads);
    #pragma omp parallel num_threads(ctx->threads)
    {
        const uint64_t own = float_mode();
        if (omp_get_thread_num() > 0) pydl_step_aside(omp_get_num_threads(), cpu);
        set_float_mode(mode);
        team(data, omp_get_thread_num(), omp_get_num_threads());
        set_float_mode(own);
    }
    set_float_mode(mode);
}

/* Where a thread's share of `count` units starts; it ends where the next thread's starts. */
static inline isize share(isize count, isize thread, isize threads) { return count * thread / threads; }

/* Until all of a team have come here; what each wrote before is seen by all. */
static inline void team_barrier(isize threads)
{
    if (threads > 1) {
        #pragma omp barrier
    }
}

/* A part of a kernel's work: the elements, rows or tasks start <= i < stop. */
typedef void (*pydl_part)(const void *data, isize start, isize stop);
typedef struct { isize n, step; pydl_part part; const void *data; } pydl_parts;

static inline void parts_team(const void *data, isize thread, isize threads)
{
    const pydl_parts *p = data;
    const isize steps = ceil_div(p->n, p->step);
    for (isize i = share(steps, thread, threads); i < share(steps, thread + 1, threads); i++)
        p->part(p->data, i * p->step, min_isize((i + 1) * p->step, p->n));
}

/* part(data, start, stop) for all 0 <= i < n, `step` at a time; by all threads if it is worth it, in the same steps. */
static inline pydl_status run_parts(const pydl_ctx *ctx, int worth, isize n, isize step, pydl_part part, const void *data)
{
    if (ctx->threads == 1 || !worth)
        for (isize start = 0; start < n; start += step) part(data, start, min_isize(start + step, n));
    else run_team(ctx, worth, parts_team, &(pydl_parts){ n, step, part, data });
    return PYDL_OK;
}

/* Tasks are shared by runs of neighbours: each thread does its own run from the front, then helps with the next ones.   Called again, a thread does the
   tasks it did before, and finds in its cache what it left there; and none waits for one that another program holds up. */
enum { MOST_RUNS = 64 };
typedef struct { _Alignas(64) isize next; isize stop; } pydl_run;

/* One of many tasks; own: the memory of the thread that does it, or of the task where there are fewer tasks than threads. */
typedef void (*pydl_task)(const void *data, isize task, void *own);
typedef struct { isize n; pydl_task task; const void *data; char *own; isize own_bytes; pydl_run *runs; isize count; } pydl_tasks;

static inline void tasks_team(const void *data, isize thread, isize threads)
{
    const pydl_tasks *t = data;
    const int few = t->n < threads;
    for (isize i = 0; i < t->count; i++) {
        pydl_run *run = t->runs + (thread + i) % t->count;
        for (isize task; (task = __atomic_fetch_add(&run->next, 1, __ATOMIC_RELAXED)) < run->stop; )
            t->task(t->data, task, t->own + (few ? task : thread) * t->own_bytes);
    }
}

/* How many memories run_tasks wants. */
static inline isize owners(const pydl_ctx *ctx, int worth, isize tasks) { return worth ? max_isize(1, min_isize(ctx->threads, tasks)) : 1; }

/* task(data, i, own) for all 0 <= i < n; by all threads if it is worth it.  own: (owners, own_bytes). */
static inline void run_tasks(const pydl_ctx *ctx, int worth, isize n, pydl_task task, const void *data, void *own, isize own_bytes)
{
    if (ctx->threads == 1 || !worth) {
        for (isize i = 0; i < n; i++) task(data, i, own);
        return;
    }
    pydl_run runs[MOST_RUNS];
    const isize count = max_isize(1, min_isize(min_isize(ctx->threads, n), MOST_RUNS));
    for (isize r = 0; r < count; r++) runs[r] = (pydl_run){ n * r / count, n * (r + 1) / count };
    run_team(ctx, 1, tasks_team, &(pydl_tasks){ n, task, data, own, own_bytes, runs, count });
}
#endif
