#define _POSIX_C_SOURCE 199309L
#include <time.h>
#include "internal.h"
#include "program.h"

double pydl_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

pydl_status pydl_launch(pydl_kernel run, const pydl_ctx *ctx, const void *args)
{
    const uint64_t mode = float_mode();
    set_float_mode(mode | FLUSH_DENORMALS);
    const pydl_status status = run(ctx, args);
    set_float_mode(mode);
    return status;
}

/* A program that runs.  seconds: NULL where nobody times its calls. */
typedef struct { const pydl_program *program; double *seconds; isize *failed; pydl_ctx ctx; pydl_status *status; } pydl_running;

static pydl_status run_calls(const pydl_running *r)
{
    double before = r->seconds ? pydl_clock() : 0;
    for (isize i = 0; i < r->program->n; i++) {
        const pydl_status status = r->program->calls[i].run(&r->ctx, r->program->calls[i].args);
        if (status != PYDL_OK) { *r->failed = i; return status; }
        if (r->seconds) {
            const double after = pydl_clock();
            r->seconds[i] += after - before;
            before = after;
        }
    }
    return PYDL_OK;
}

/* The first thread runs the calls, the others are its crew. */
static void program_team(const void *data, isize thread, isize threads)
{
    const pydl_running *r = data;
    if (thread > 0) {
        pydl_crew_stay(r->ctx.crew, thread);
        return;
    }
    r->ctx.crew->threads = threads;
    *r->status = run_calls(r);
    pydl_crew_leave(r->ctx.crew);
}

static pydl_status run_program(const pydl_ctx *ctx, const void *args)
{
    pydl_running r = *(const pydl_running *)args;
    pydl_crew crew = { 0 };
    pydl_status status;
    r.ctx = *ctx, r.ctx.crew = &crew, r.status = &status;
    run_team(ctx, 1, program_team, &r);
    return status;
}

pydl_status pydl_program_run(const pydl_ctx *ctx, const pydl_program *program, isize *failed)
{
    return pydl_launch(run_program, ctx, &(pydl_running){ .program = program, .failed = failed });
}

pydl_status pydl_program_profile(const pydl_ctx *ctx, const pydl_program *program, double *seconds, isize *failed)
{
    return pydl_launch(run_program, ctx, &(pydl_running){ .program = program, .seconds = seconds, .failed = failed });
}
