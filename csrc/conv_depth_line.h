/* Depthwise convolutions by small windows, a line of the result at a time: eight sums and the weights of a row of the window are in
   registers, so each pixel is loaded once for all the windows it is in.  Nothing is copied: what lies in the padding is left out.

   One thread, 8 lanes, 3x3: 112x112x32 forward 0.56 -> 0.16 ms, 14x14x576 0.12 -> 0.05; 5x5: 14x14x96 0.031 -> 0.021. */
#ifndef real
#ifndef PYDL_CONV_DEPTH_LINE_H
#define PYDL_CONV_DEPTH_LINE_H
#include "conv_parts.h"
/* Most window places along a row, most stride (of 3 and 5 places). */
#define DEPTH_TAPS 5
#define DEPTH_STRIDE 2
#define EACH_REAL "conv_depth_line.h"
#include "each_real.h"
#endif
#else

/* out[image, i, j, c] = start[c] + sum over taps (m, q) of source[image, tap pixel, c] * weight[place of the tap, c], with relu if wanted. */
typedef struct {
    conv_axis y, x; isize n, channels;
    const real *source, *positive;                                   /* source counts as 0 where positive (if any) is not > 0 */
    const real *weight; isize kw;                                    /* (kh, kw, channels) */
    const real *start; isize relu;                                   /* (channels), or NULL for 0 */
    real *out; isize out_image, out_row, out_step;                   /* reals from one image, row, pixel to the next */
    void *scratch;
} FN(depth_lines_args);

int FN(depth_lines_fit)(conv_axis y, conv_axis x, isize channels);
isize FN(depth_lines_scratch)(const pydl_ctx *ctx, const FN(depth_lines_args) *a);
void FN(depth_lines)(const pydl_ctx *ctx, const FN(depth_lines_args) *a);

/* The gradient by the weight:  partial[place, c] += sum over the pixels of one row of dy of source[tap pixel, c] * dy[pixel, c] */
typedef struct {
    conv_axis x; isize channels;
    const real *source, *dy;                                         /* the row of the source that a row of the window meets; the row of dy */
    real *partial; isize pitch;                                      /* (places along the row, pitch): whole vectors */
} FN(depth_places_args);
void FN(depth_places_of_row)(const FN(depth_places_args) *a);
#endif
