/* What every kernel shares.  Pure C11: no Python.h, no malloc, no printing, no mutable globals (one number a thread: team.h).

   A kernel takes a context and one argument struct and returns a status; that is its whole contract.
   - const on inputs, isize for every size, outputs last, scalars as double: so a struct has one layout
     for float and for double, and the boundary fills it once for both.
   - What changes from step to step is passed by pointer; a number copied into the struct is frozen into a recording.
   - A kernel that wants scratch memory declares FN(<kernel>_scratch), which returns bytes, and has
     `void *scratch` as the first member of its struct; the launcher fills it in.
   - Sums are split by shape, never by ctx->threads, and partial ones added in a fixed order.
   - Numbers below the smallest normal one count as 0 (float_mode.h): the launcher sees to it, and internal.h in other threads. */
#ifndef PYDL_H
#define PYDL_H

#include <stddef.h>
#include <stdint.h>

typedef ptrdiff_t isize;

typedef enum {
    PYDL_OK = 0,
    PYDL_BAD_INDEX,   /* an index or label outside 0 <= value < limit; ctx->fault says which */
    PYDL_BAD_VALUE,   /* a value the kernel cannot work with, such as NaN where a number is needed; ctx->fault */
} pydl_status;

/* Written by a kernel that returns PYDL_BAD_*: the first offending element, in the order of the array. */
typedef struct { isize where; isize value; isize limit; } pydl_fault;

/* A single-threaded BLAS, row-major CBLAS calls; see gemm.h.  NULL members: not available. */
typedef struct {
    void (*sgemm)(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
                  const float *b, int ldb, float beta, float *c, int ldc);
    void (*dgemm)(int order, int ta, int tb, int m, int n, int k, double alpha, const double *a, int lda,
                  const double *b, int ldb, double beta, double *c, int ldc);
} pydl_blas;

typedef struct {
    int threads;             /* how many may be used; changes speed, never a bit of the result */
    const pydl_blas *blas;   /* never NULL, its members may be */
    pydl_fault *fault;
    struct pydl_crew *crew;  /* the threads of the program that runs (team.h); NULL: each team is called together by itself */
} pydl_ctx;

typedef pydl_status (*pydl_kernel)(const pydl_ctx *ctx, const void *args);
typedef isize (*pydl_scratch)(const pydl_ctx *ctx, const void *args);   /* bytes; must not depend on ctx->threads beyond one buffer a thread */

/* The table of all kernels (generated at build time from the headers): one row a kernel. */
typedef struct {
    const char *name;            /* "relu_forward" */
    const char *family;          /* "activation" */
    pydl_kernel run[3][2];       /* [CPU level][0 float32, 1 float64]; a kernel without a real type has the same in both */
    pydl_scratch scratch[3][2];  /* NULL where the kernel needs none */
} pydl_kernel_row;

extern const pydl_kernel_row pydl_kernel_table[];
extern const isize pydl_kernel_count;

/* CPU levels, in rising order; a build for a CPU without them holds level 0 only. */
enum { PYDL_CPU_BASE = 0, PYDL_CPU_AVX2 = 1, PYDL_CPU_AVX512 = 2 };
#endif
