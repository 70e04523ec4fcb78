/* Convolution of volumes.  x: (n, d, h, w, c_in).  weight: (kd, kh, kw, c_in / groups, c_out).  bias: (c_out,).  y: (n, d_out, h_out, w_out, c_out).

   The sums of conv.h with a third axis: along each axis output i reads pixel i * stride + k * dilation - pad through place k of the window,
   and output o sees the channels of its group; outside of the volume x is 0.  Every sum is cut by the shape alone. */
#ifndef real
#ifndef PYDL_CONV3D_H
#define PYDL_CONV3D_H
#include "pydl.h"

/* Axes are depth, rows, columns. */
typedef struct {
    isize n; isize c_in; isize c_out; isize groups;                          /* groups divides c_in and c_out */
    isize size[3]; isize window[3]; isize stride[3]; isize dilation[3]; isize pad[3]; isize out[3];
} pydl_conv3d;

#define EACH_REAL "conv3d.h"
#include "each_real.h"
#endif
#else

/* y as above, then max(y, 0) if relu.  bias may be NULL.  Overwrites y. */
typedef struct { void *scratch; const real *x; const real *weight; const real *bias; pydl_conv3d s; isize relu; real *y; } FN(conv3d_forward_args);
pydl_status FN(conv3d_forward)(const pydl_ctx *ctx, const void *args);
isize FN(conv3d_forward_scratch)(const pydl_ctx *ctx, const void *args);

/* dx = the gradient by x for dy, the gradient by y without relu.  Overwrites dx. */
typedef struct { void *scratch; const real *dy; const real *weight; pydl_conv3d s; real *dx; } FN(conv3d_backward_input_args);
pydl_status FN(conv3d_backward_input)(const pydl_ctx *ctx, const void *args);
isize FN(conv3d_backward_input_scratch)(const pydl_ctx *ctx, const void *args);

/* dweight, and dbias = the sum of dy over all pixels, added up in double; dbias may be NULL.  Overwrites both. */
typedef struct { void *scratch; const real *x; const real *dy; pydl_conv3d s; real *dweight; real *dbias; } FN(conv3d_backward_weight_args);
pydl_status FN(conv3d_backward_weight)(const pydl_ctx *ctx, const void *args);
isize FN(conv3d_backward_weight_scratch)(const pydl_ctx *ctx, const void *args);

#endif
