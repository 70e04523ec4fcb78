/* Runs kernels: one, or a recorded step, which is a list of kernel calls with their argument structs.  Owns nothing; the recorder keeps the memory. */
#ifndef PYDL_PROGRAM_H
#define PYDL_PROGRAM_H
#include "pydl.h"

typedef struct {
    pydl_kernel run;
    const void *args;
} pydl_call;

typedef struct {
    const pydl_call *calls;
    isize n;
} pydl_program;

/* Runs a kernel in the float mode of kernels (float_mode.h); the thread has its own back afterwards. */
pydl_status pydl_launch(pydl_kernel run, const pydl_ctx *ctx, const void *args);

/* Runs every call in order, in that mode.  Stops at the first one that fails: its status is returned, its number stored in *failed. */
pydl_status pydl_program_run(const pydl_ctx *ctx, const pydl_program *program, isize *failed);

/* The same, and adds the seconds each call took to seconds: (n,). */
pydl_status pydl_program_profile(const pydl_ctx *ctx, const pydl_program *program, double *seconds, isize *failed);

/* Seconds of a clock that never goes back. */
double pydl_clock(void);
#endif
