/* Matrix product: C = (accumulate ? C : 0) + A B + bias, then the activation.   A: (m, k).  B: (k, n).  C: (m, n).  bias: (n,).

   Own packed micro-kernels per CPU level.  Every element of C is one chain of multiply-adds over p = 0..k-1, cut into
   blocks of k by the shape alone, so any number of threads and any packing give the same bits. */
#ifndef real
#ifndef PYDL_GEMM_H
#define PYDL_GEMM_H
#include "pydl.h"
#ifdef PYDL_LEVEL
#include "simd.h"
#endif
/* What happens to an element of C while it is still in a register. */
enum { GEMM_LINEAR = 0, GEMM_RELU = 1 };
#define GEMM_BATCH_DIMS 6
#define EACH_REAL "gemm.h"
#include "each_real.h"
#endif
#else

/* A[i, p] = a[i * a_row + p * a_col];  B[p, j] = b[p * b_row + j * b_col];  C[i, j] = c[i * c_row + j].  Any strides: a transpose
   is a_row = 1.  accumulate = 0 overwrites C, 1 adds to it.  bias may be NULL.  With b_packed, b was written by gemm_pack_panels
   from the same k and n, and b_row, b_col are not looked at. */
typedef struct {
    void *scratch;
    isize m; isize n; isize k;
    const real *a; isize a_row; isize a_col;
    const real *b; isize b_row; isize b_col;
    const real *bias;
    isize b_packed; isize accumulate; isize activation;
    real *c; isize c_row;
} FN(gemm_args);
pydl_status FN(gemm)(const pydl_ctx *ctx, const void *args);
isize FN(gemm_scratch)(const pydl_ctx *ctx, const void *args);
/* Reals of a B that serves this product packed, for calls that do not change it; 0 where it is read as it lies. */
isize FN(gemm_prepared_size)(const FN(gemm_args) *g);

/* The same for every index of a batch: steps of 0 repeat a matrix (broadcasting).  The products that share a C (c_step 0 along an axis
   longer than 1) are added to it in the order of their indices: the gradient of a repeated matrix.  No bias, no activation. */
typedef struct {
    void *scratch;
    isize m; isize n; isize k;
    const real *a; isize a_row; isize a_col;
    const real *b; isize b_row; isize b_col;
    isize batch_ndim; isize shape[GEMM_BATCH_DIMS]; isize a_step[GEMM_BATCH_DIMS]; isize b_step[GEMM_BATCH_DIMS]; isize c_step[GEMM_BATCH_DIMS];
    real *c;                                              /* every matrix contiguous */
} FN(matmul_args);
pydl_status FN(matmul)(const pydl_ctx *ctx, const void *args);
isize FN(matmul_scratch)(const pydl_ctx *ctx, const void *args);

#ifdef PYDL_LEVEL
/* ---- For kernels built on the product: convolution, recurrent gates, Winograd ----

   A register tile is MR rows by NR columns.  A packed B is panels of NR columns, [ceil(n / NR)][k][NR], the last one
   filled up with zeros; element (p, j) stands at (j / NR) * k * NR + p * NR + j % NR, so a part of the rows p is a
   plain offset of p * NR in each panel. */
enum {
    FN(GEMM_NR) = 2 * FN(LANES),
    FN(GEMM_MR) = SIMD_REGISTERS == 16 ? 6 : sizeof(FN(vec)) == 64 ? 14 : 12
};

/* Reals in a packed B. */
static inline isize FN(gemm_packed_size)(isize k, isize n) { return ceil_div(n, FN(GEMM_NR)) * FN(GEMM_NR) * k; }

/* Packs the panels first <= panel < last of B (k, n), any strides, into the packed B at `packed`. */
void FN(gemm_pack_panels)(const real *b, isize b_row, isize b_col, isize k, isize n, isize first, isize last, real *packed);

/* out[p * width + i] = i < count ? src[i * step_i + p * step_p] : 0   for p < k, i < width.  Packs `count` rows of A (a micro-panel: read it
   back with a_row = 1, a_col = width), or a panel of B. */
void FN(gemm_pack_strip)(const real *src, isize step_i, isize step_p, isize count, isize k, isize width, real *out);

/* One thread, no scratch: C (m, n) = (accumulate ? C : 0) + A B + bias, then the activation.  The inner dimension is `segments`
   runs of k: A[i, s * k + p] = a[i * a_row + segment[s] + p * a_col], so rows may lie in an image and the runs be the window's taps
   (segment == NULL: one run at 0).  Row s * k + p of B stands at b + (s * k + p) * b_pitch, columns in panels of NR that are
   b_panel apart: packed B has b_pitch = NR, b_panel = segments * k * NR; a plain row-major B has b_pitch = its row stride,
   b_panel = NR and nothing behind column n - 1 is touched.  ahead: the b of a call to come, laid out like this one's, which is
   fetched into L2 meanwhile; or NULL. */
typedef struct {
    isize m; isize n; isize k;
    const real *a; isize a_row; isize a_col;
    isize segments; const isize *segment;
    const real *b; isize b_pitch; isize b_panel;
    const real *ahead;
    const real *bias;
    isize accumulate; isize activation;
    real *c; isize c_row;
} FN(gemm_block_args);
void FN(gemm_block)(const FN(gemm_block_args) *g);
#endif
#endif
