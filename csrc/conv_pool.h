/* A convolution and the maxima over windows of its result, as one: what lies between is never whole in memory.

   z = conv2d_forward of x as in conv.h (s, weight, bias, relu);   y = max_pool2d_forward of z as in pool.h (g: h, w, c are h_out, w_out, c_out of s).
   y and argmax are theirs, bit for bit.  Backward: dz = max_pool2d_backward of dy, and the gradients of the convolution for it. */
#ifndef real
#ifndef PYDL_CONV_POOL_H
#define PYDL_CONV_POOL_H
#include "conv.h"
#include "pool.h"
#define EACH_REAL "conv_pool.h"
#include "each_real.h"
#endif
#else

/* x: (n, h, w, c_in).  bias may be NULL.  y, argmax: (n, oh, ow, c_out); argmax may be NULL, and is for kh * kw <= 256.  Overwrites. */
typedef struct {
    void *scratch;
    const real *x; const real *weight; const real *bias; pydl_conv2d s; pydl_pool2d g; isize relu; isize winograd;
    real *y; uint8_t *argmax;
} FN(conv2d_max_pool_forward_args);
pydl_status FN(conv2d_max_pool_forward)(const pydl_ctx *ctx, const void *args);
isize FN(conv2d_max_pool_forward_scratch)(const pydl_ctx *ctx, const void *args);

/* dx, dweight, dbias for dy, the gradient by y; each may be NULL, dbias is where dweight is.  Overwrites.
   relu_y is y of a forward call with relu, and dy counts as 0 where y is 0; NULL without relu.  (relu and maximum can change places:
   a pixel gets a gradient if it is the maximum and the maximum is > 0, so z itself is not needed.) */
typedef struct {
    void *scratch;
    const real *x; const real *dy; const real *relu_y; const uint8_t *argmax; const real *weight; pydl_conv2d s; pydl_pool2d g; isize winograd;
    real *dx; real *dweight; real *dbias;
} FN(conv2d_max_pool_backward_args);
pydl_status FN(conv2d_max_pool_backward)(const pydl_ctx *ctx, const void *args);
isize FN(conv2d_max_pool_backward_scratch)(const pydl_ctx *ctx, const void *args);

#endif
