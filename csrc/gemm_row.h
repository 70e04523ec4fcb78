/* The products of gemm.h with one row or column, or a few. */
#ifndef real
#ifndef PYDL_GEMM_ROW_H
#define PYDL_GEMM_ROW_H
#include "gemm.h"
#define EACH_REAL "gemm_row.h"
#include "each_real.h"
#endif
#else

/* c (1, n) = x (k,) B, B with rows pitch apart, then what g wants done to C. */
void FN(gemm_row_product)(const pydl_ctx *ctx, const FN(gemm_args) *g, const real *x, isize x_step, const real *b, isize pitch, isize n);

/* `count` rows of r by `vectors` rows of x, all contiguous in k.  Row i, vector j goes to c[i * c_row + j * c_col]. */
typedef struct {
    const FN(gemm_args) *g;
    const real *r; isize pitch, count;
    const real *x; isize x_pitch, vectors;
    isize c_row, c_col, bias_row, bias_col;
} FN(gemm_dots);
void FN(gemm_dot_products)(const pydl_ctx *ctx, const FN(gemm_dots) *d);
#endif
