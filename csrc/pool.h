/* Pooling over the windows of images, and over whole images.  Images: (n, h, w, c), c fastest.

   Padding never counts: not for the maximum, not for the average (so a window of an average at the edge divides by
   the pixels it really covers).  Every window must cover at least one pixel; the boundary checks it.
   Ties of a maximum go to the first pixel of the window in row-major order.  NaN wins over every number, the first NaN
   over the others, so it reaches the output and its gradient goes to where it came from. */
#ifndef real
#ifndef PYDL_POOL_H
#define PYDL_POOL_H
#include "pydl.h"

typedef struct {
    isize n, h, w, c;       /* x: (n, h, w, c) */
    isize oh, ow;           /* y: (n, oh, ow, c) */
    isize kh, kw, sh, sw;   /* window and strides */
    isize top, left;        /* padding before; the padding after follows from oh and ow */
} pydl_pool2d;

#define EACH_REAL "pool.h"
#include "each_real.h"
#endif
#else

/* y[b, oy, ox, ch] = maximum of the window.  Position within the window, i * kw + j, goes to argmax (one byte each, kh * kw <= 256)
   or argmax_wide; NULL where not wanted.  Overwrites. */
typedef struct { const real *x; pydl_pool2d g; real *y; uint8_t *argmax; int32_t *argmax_wide; } FN(max_pool2d_forward_args);
pydl_status FN(max_pool2d_forward)(const pydl_ctx *ctx, const void *args);
/* Rows first <= i < last of the n * oh rows of outputs, on this thread. */
void FN(max_pool2d_rows)(const FN(max_pool2d_forward_args) *a, isize first, isize last);

/* dx[pixel] = sum of the dy whose argmax (either of the two, the other NULL) names the pixel.  Overwrites dx. */
typedef struct { const real *dy; const uint8_t *argmax; const int32_t *argmax_wide; pydl_pool2d g; real *dx; } FN(max_pool2d_backward_args);
pydl_status FN(max_pool2d_backward)(const pydl_ctx *ctx, const void *args);

/* y[b, oy, ox, ch] = mean over the pixels the window covers.  Overwrites y. */
typedef struct { const real *x; pydl_pool2d g; real *y; } FN(avg_pool2d_forward_args);
pydl_status FN(avg_pool2d_forward)(const pydl_ctx *ctx, const void *args);

/* dx[pixel] = sum of dy / (pixels covered) over the windows that cover it.  Overwrites dx. */
typedef struct { const real *dy; pydl_pool2d g; real *dx; } FN(avg_pool2d_backward_args);
pydl_status FN(avg_pool2d_backward)(const pydl_ctx *ctx, const void *args);

/* y[b, ch] = mean over p of x[b, p, ch].   x: (n, pixels, c), pixels > 0; y: (n, c).  Sums of 64 pixels are added in double.  Overwrites y. */
typedef struct { const real *x; isize n; isize pixels; isize c; real *y; } FN(global_avg_pool_forward_args);
pydl_status FN(global_avg_pool_forward)(const pydl_ctx *ctx, const void *args);

/* dx[b, p, ch] = dy[b, ch] / pixels.  Overwrites dx. */
typedef struct { const real *dy; isize n; isize pixels; isize c; real *dx; } FN(global_avg_pool_backward_args);
pydl_status FN(global_avg_pool_backward)(const pydl_ctx *ctx, const void *args);

/* y[b, ch] = maximum over p of x[b, p, ch], argmax[b, ch] the first p that has it (NULL: not wanted).  pixels > 0.  Overwrites. */
typedef struct { const real *x; isize n; isize pixels; isize c; real *y; int32_t *argmax; } FN(global_max_pool_forward_args);
pydl_status FN(global_max_pool_forward)(const pydl_ctx *ctx, const void *args);

/* dx[b, p, ch] = dy[b, ch] where p = argmax[b, ch], else 0.  Overwrites dx. */
typedef struct { const real *dy; const int32_t *argmax; isize n; isize pixels; isize c; real *dx; } FN(global_max_pool_backward_args);
pydl_status FN(global_max_pool_backward)(const pydl_ctx *ctx, const void *args);

#endif
