#ifndef real
#include "internal.h"
#include "conv_pool.h"
#include "conv_direct.h"
#include "conv_maxima.h"
#include "conv_parts.h"
#include "conv_pixels.h"

/* Bytes of the result of the convolution that are in memory at a time, where its algorithm works on whole images. */
#define SLICE_BYTES ((isize)1 << 20)
/* Pixels that a slice holds at least, so that Winograd's form pays for its weights. */
#define SLICE_PIXELS ((isize)512)

#define EACH_REAL "conv_pool.c"
#include "each_real.h"
#else

/* ---- forward ---- */

/* Images of a slice, for the algorithms that take whole images. */
static isize FN(slices)(const pydl_conv2d *s)
{
    const isize pixels = max_isize(1, s->h_out * s->w_out), image = pixels * s->c_out * (isize)sizeof(real);
    const isize images = max_isize(max_isize(1, SLICE_BYTES / max_isize(1, image)), ceil_div(SLICE_PIXELS, pixels));
    return max_isize(1, s->n / images);
}

/* A slice is computed in the form of the whole, so that its bits are those of the convolution alone. */
static FN(conv2d_forward_args) FN(slice)(const FN(conv2d_max_pool_forward_args) *a, isize first, isize count, real *z)
{
    FN(conv2d_forward_args) c = { .x = a->x + first * a->s.h * a->s.w * a->s.c_in, .weight = a->weight, .bias = a->bias, .s = a->s,
                                  .relu = a->relu, .winograd = FN(conv2d_forward_form)(&a->s, a->winograd), .y = z };
    c.s.n = count;
    return c;
}

/* Reals of z for the largest slice. */
static isize FN(slice_size)(const FN(conv2d_max_pool_forward_args) *a)
{
    return ceil_div(ceil_div(a->s.n, FN(slices)(&a->s)) * a->s.h_out * a->s.w_out * a->s.c_out, 16) * 16;
}

pydl_status FN(conv2d_max_pool_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv2d_max_pool_forward_args) *a = args;
    if (FN(conv2d_forward_is_direct)(&a->s, a->winograd)) {
        if (FN(pixels_fit)(&a->s, &a->g)) FN(pixels_forward)(ctx, a);
        else FN(direct_pooled_forward)(ctx, a);
        return PYDL_OK;
    }
    const isize slices = FN(slices)(&a->s), outputs = a->g.oh * a->g.ow * a->g.c;
    real *z = a->scratch;
    for (isize i = 0; i < slices; i++) {
        const isize first = i * a->s.n / slices, count = (i + 1) * a->s.n / slices - first;
        FN(conv2d_forward_args) c = FN(slice)(a, first, count, z);
        c.scratch = z + FN(slice_size)(a);
        FN(conv2d_forward)(ctx, &c);
        FN(max_pool2d_forward_args) p = { .x = z, .g = a->g, .y = a->y + first * outputs, .argmax = a->argmax ? a->argmax + first * outputs : NULL };
        p.g.n = count;
        FN(max_pool2d_forward)(ctx, &p);
    }
    return PYDL_OK;
}

isize FN(conv2d_max_pool_forward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv2d_max_pool_forward_args) *a = args;
    if (FN(conv2d_forward_is_direct)(&a->s, a->winograd))
        return FN(pixels_fit)(&a->s, &a->g) ? FN(pixels_forward_scratch)(ctx, a) : FN(direct_pooled_forward_scratch)(ctx, a);
    const isize slices = FN(slices)(&a->s);
    isize most = 0;
    for (isize count = a->s.n / slices; count <= ceil_div(a->s.n, slices); count++) {
        const FN(conv2d_forward_args) c = FN(slice)(a, 0, count, NULL);
        most = max_isize(most, FN(conv2d_forward_scratch)(ctx, &c));
    }
    return FN(slice_size)(a) * (isize)sizeof(real) + most;
}

/* ---- backward: dz in scratch, then the gradients of the convolution ---- */

static FN(conv2d_backward_input_args) FN(by_input)(const FN(conv2d_max_pool_backward_args) *a, const real *dz)
{
    return (FN(conv2d_backward_input_args)){ .dy = dz, .weight = a->weight, .s = a->s, .winograd = a->winograd, .dx = a->dx };
}
static FN(conv2d_backward_weight_args) FN(by_weight)(const FN(conv2d_max_pool_backward_args) *a, const real *dz)
{
    return (FN(conv2d_backward_weight_args)){ .x = a->x, .dy = dz, .s = a->s, .winograd = a->winograd, .dweight = a->dweight, .dbias = a->dbias };
}

/* Whether the gradient stays pooled: where the convolution would be direct, and its shape is one of the few that have a loop of their own. */
static int FN(stays_pooled)(const FN(conv2d_max_pool_backward_args) *a)
{
    return FN(conv2d_forward_is_direct)(&a->s, a->winograd) && FN(maxima_fit)(&a->s, &a->g);
}

static isize FN(spread_size)(const pydl_conv2d *s) { return ceil_div(s->n * s->h_out * s->w_out * s->c_out, 16) * 16; }
static isize FN(masked_size)(const FN(conv2d_max_pool_backward_args) *a)
{
    return a->relu_y ? ceil_div(a->g.n * a->g.oh * a->g.ow * a->g.c, 16) * 16 : 0;
}

pydl_status FN(conv2d_max_pool_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv2d_max_pool_backward_args) *a = args;
    if (FN(stays_pooled)(a)) {
        FN(maxima_backward)(ctx, a);
        return PYDL_OK;
    }
    const isize outputs = a->g.n * a->g.oh * a->g.ow * a->g.c;
    real *dz = a->scratch, *masked = dz + FN(spread_size)(&a->s), *rest = masked + FN(masked_size)(a);
    if (a->relu_y) FN(keep_positive)(a->dy, a->relu_y, outputs, masked);
    const FN(max_pool2d_backward_args) p = { .dy = a->relu_y ? masked : a->dy, .argmax = a->argmax, .g = a->g, .dx = dz };
    FN(max_pool2d_backward)(ctx, &p);
    if (a->dx) {
        FN(conv2d_backward_input_args) c = FN(by_input)(a, dz);
        c.scratch = rest;
        FN(conv2d_backward_input)(ctx, &c);
    }
    if (a->dweight) {
        FN(conv2d_backward_weight_args) c = FN(by_weight)(a, dz);
        c.scratch = rest;
        FN(conv2d_backward_weight)(ctx, &c);
    }
    return PYDL_OK;
}

isize FN(conv2d_max_pool_backward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(conv2d_max_pool_backward_args) *a = args;
    if (FN(stays_pooled)(a)) return FN(maxima_backward_scratch)(ctx, a);
    const FN(conv2d_backward_input_args) by_input = FN(by_input)(a, NULL);
    const FN(conv2d_backward_weight_args) by_weight = FN(by_weight)(a, NULL);
    const isize rest = max_isize(a->dx ? FN(conv2d_backward_input_scratch)(ctx, &by_input) : 0,
                                 a->dweight ? FN(conv2d_backward_weight_scratch)(ctx, &by_weight) : 0);
    return (FN(spread_size)(&a->s) + FN(masked_size)(a)) * (isize)sizeof(real) + rest;
}
#endif
