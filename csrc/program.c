#define _POSIX_C_SOURCE 199309L
#include <time.h>
#include "float_mode.h"
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

typedef struct { const pydl_program *program; double *seconds; isize *failed; } pydl_running;

static pydl_status run_all(const pydl_ctx *ctx, const void *args)
{
    const pydl_running *r = args;
    for (isize i = 0; i < r->program->n; i++) {
        pydl_status status = r->program->calls[i].run(ctx, r->program->calls[i].args);
        if (status != PYDL_OK) { *r->failed = i; return status; }
    }
    return PYDL_OK;
}

static pydl_status profile_all(const pydl_ctx *ctx, const void *args)
{
    const pydl_running *r = args;
    double before = pydl_clock();
    for (isize i = 0; i < r->program->n; i++) {
        pydl_status status = r->program->calls[i].run(ctx, r->program->calls[i].args);
        if (status != PYDL_OK) { *r->failed = i; return status; }
        double after = pydl_clock();
        r->seconds[i] += after - before;
        before = after;
    }
    return PYDL_OK;
}

pydl_status pydl_program_run(const pydl_ctx *ctx, const pydl_program *program, isize *failed)
{
    return pydl_launch(run_all, ctx, &(pydl_running){ program, NULL, failed });
}

pydl_status pydl_program_profile(const pydl_ctx *ctx, const pydl_program *program, double *seconds, isize *failed)
{
    return pydl_launch(profile_all, ctx, &(pydl_running){ program, seconds, failed });
}
