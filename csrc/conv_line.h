/* Lines of output pixels in registers, for results of up to a vector of channels.  A tile of pixels by one vector of columns loads a pixel for each
   multiply-add, which is more than a processor loads.  Here neighbours share them: of a row of the source each pixel is loaded once a channel, for all the
   outputs whose windows it is in:

       out[j] = start + sum over window rows m, channels c, places q of source[m, j + q, c] * weight[m, q, c]            in this order, j along a row

   One thread, 64 images: forward 14x14x8 to 16 by 5x5 1.20x, 28x28x8 to 16 by 3x3 1.2x; by the input 28x28x12 to 16 by 5x5 1.5x, to 12 by 3x3 2.3x. */
#ifndef real
#ifndef PYDL_CONV_LINE_H
#define PYDL_CONV_LINE_H
#include "conv_parts.h"
/* Sums at a time: with as many pixels and a weight they fill the registers; fewer than the least would wait for each other. */
#define LINE_MOST (SIMD_REGISTERS == 32 ? 14 : 7)
#define LINE_LEAST (SIMD_REGISTERS == 32 ? 7 : 4)
/* Of images of 3 or 16 channels by 5 places, all of which are read, 16 registers hold so many sums, a weight and one pixel, whose places are constants: seven
   sums wait for each other as long again as they work (64x32x32x3 to 8 1.24x, 64x28x28x16 to 8 1.16x, by the input 14x14x8 to 16 1.16x).   With places that
   are none, or 3 of them, it is 0.8x to 1.1x.   Of a row by the input of a convolution without padding only the products that add something are
   made: 14x14x8 to 16 1.25x, 10x10x8 1.4x. */
#define LINE_WHOLE 14
#define EACH_REAL "conv_line.h"
#include "each_real.h"
#endif
#else

/* Whether a pass to `width` channels along this axis is made by lines. */
int FN(line_fits)(conv_axis x, isize width);

typedef struct {
    conv_axis x;
    const real *source; isize channels, depth;                       /* at the lowest tap of the first pixel; reals of a pixel, channels that are read */
    isize rows, row_step;                                            /* of the window, in the source */
    const real *weight, *start;                                      /* (rows, places, depth, lanes), packed; (lanes), or NULL for 0 */
    isize width; real *out; isize out_step; const real *skip;        /* columns; reals from one pixel to the next */
    isize relu, stream;                                              /* stream: past the caches, whole vectors at multiples of their size */
} FN(line_args);
void FN(run_line)(const FN(line_args) *t);
#endif
