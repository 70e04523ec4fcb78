#define _POSIX_C_SOURCE 199309L
#include <time.h>
#include "program.h"

double pydl_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

pydl_status pydl_program_run(const pydl_ctx *ctx, const pydl_program *program, isize *failed)
{
    for (isize i = 0; i < program->n; i++) {
        pydl_status status = program->calls[i].run(ctx, program->calls[i].args);
        if (status != PYDL_OK) { *failed = i; return status; }
    }
    return PYDL_OK;
}

pydl_status pydl_program_profile(const pydl_ctx *ctx, const pydl_program *program, double *seconds, isize *failed)
{
    double before = pydl_clock();
    for (isize i = 0; i < program->n; i++) {
        pydl_status status = program->calls[i].run(ctx, program->calls[i].args);
        if (status != PYDL_OK) { *failed = i; return status; }
        double after = pydl_clock();
        seconds[i] += after - before;
        before = after;
    }
    return PYDL_OK;
}
