#ifndef real
#include "internal.h"
#include "conv_line.h"
#define EACH_REAL "conv_line.c"
#include "each_real.h"
#else

ALWAYS_INLINE void FN(line_finish)(const FN(line_args) *t, const FN(vec) *sum, real *out, const real *skip, const int sums)
{
    if (!skip && t->width == FN(LANES) && !t->stream) {              /* as most are: no branch for each */
        const isize step = t->out_step, relu = t->relu;
        #pragma GCC unroll 14
        for (int j = 0; j < sums; j++, out += step) FN(vstore)(out, relu ? FN(vmax)(FN(vzero)(), sum[j]) : sum[j]);
        return;
    }
    const FN(vmask) mask = FN(mask_of)(t->width);
    #pragma GCC unroll 14
    for (int j = 0; j < sums; j++) {
        real *to = out + j * t->out_step;
        FN(vec) y = sum[j];
        if (skip) y = y + FN(vload_mask)(skip + j * t->out_step, mask);
        if (t->relu) y = FN(vmax)(FN(vzero)(), y);                   /* this order keeps a NaN */
        if (t->width < FN(LANES)) FN(vstore_mask)(to, mask, y);
        else if (t->stream) FN(vstream)(to, y);
        else FN(vstore)(to, y);
    }
}

/* `sums` neighbours: every argument but t and the pointers is a constant.  Place by place all sums take a step, so that none waits for itself; the pixels stay
   in registers from place to place.  They are addressed as a pointer to every third and a scaled index: a pointer to each would not fit. */
ALWAYS_INLINE void FN(line_core)(const FN(line_args) *t, const real *source, real *out, const real *skip, const int sums, const int places)
{
    FN(vec) sum[LINE_MOST];
    const FN(vec) start = t->start ? FN(vload)(t->start) : FN(vzero)();
    #pragma GCC unroll 14
    for (int j = 0; j < sums; j++) sum[j] = start;
    const isize row_step = t->row_step, depth = t->depth;
    isize channels = t->channels, place_step = t->x.step * depth * FN(LANES);
    const real *weights = t->weight + (t->x.step < 0 ? (places - 1) * depth * FN(LANES) : 0);                     /* of the lowest place */
    for (isize m = 0; m < t->rows; m++, source += row_step, weights += places * depth * FN(LANES)) {
        const real *w0 = weights, *w3 = weights + 3 * place_step;
        const real *x[6];
        #pragma GCC unroll 6
        for (int i = 0; i < 6; i++) x[i] = source + 3 * i * channels;
        for (isize c = 0; c < depth; c++) {
            FN(vec) pixel[LINE_MOST + 4];
            OPAQUE(channels);
            OPAQUE(place_step);
            #pragma GCC unroll 5
            for (int q = 0; q < places; q++) {
                const FN(vec) weight = FN(vload)((q < 3 ? w0 : w3) + q % 3 * place_step);
                #pragma GCC unroll 14
                for (int j = 0; j < sums; j++) {
                    const int i = j + q;
                    if (q == 0 || j == sums - 1) pixel[i] = FN(vset)(x[i / 3][i % 3 * channels]);
                    sum[j] = FN(vfma)(pixel[i], weight, sum[j]);
                }
            }
            w0 += FN(LANES);
            w3 += FN(LANES);
            #pragma GCC unroll 6
            for (int i = 0; i < 6; i++) x[i]++;
        }
    }
    FN(line_finish)(t, sum, out, skip, sums);
}

#define LINE(sums) \
    static void FN(line_##sums)(const FN(line_args) *t, const real *source, real *out, const real *skip) \
    { \
        if (t->x.taps == 3) FN(line_core)(t, source, out, skip, sums, 3); \
        else FN(line_core)(t, source, out, skip, sums, 5); \
    }
LINE(4) LINE(5) LINE(6) LINE(7)
#if SIMD_REGISTERS == 32
LINE(8) LINE(9) LINE(10) LINE(11) LINE(12) LINE(13) LINE(14)
#endif
#undef LINE

#if SIMD_REGISTERS == 16
/* The same sums by 5 places, of an image of `channels`, all of which are read; channels is a constant, too.   edge: so many pixels of the source's row are
   padding, on either side, and add nothing. */
ALWAYS_INLINE void FN(whole_core)(const FN(line_args) *t, const real *source, real *out, const real *skip, const int sums, const int channels, const int edge)
{
    FN(vec) sum[LINE_WHOLE];
    const FN(vec) start = t->start ? FN(vload)(t->start) : FN(vzero)();
    #pragma GCC unroll 14
    for (int j = 0; j < sums; j++) sum[j] = start;
    const isize place_step = t->x.step * channels * FN(LANES);
    const real *weights = t->weight + (t->x.step < 0 ? 4 * channels * FN(LANES) : 0);                             /* of the lowest place */
    for (isize m = 0; m < t->rows; m++, source += t->row_step, weights += 5 * channels * FN(LANES))
        for (isize c = 0; c < channels; c++) {
            const real *pixel = source + c, *w = weights + c * FN(LANES);
            #pragma GCC unroll 5
            for (int q = 0; q < 5; q++, pixel += channels, w += place_step) {
                const FN(vec) weight = FN(vload)(w);
                OPAQUE(pixel);                                       /* else pixels would be kept from place to place, in memory */
                #pragma GCC unroll 14
                for (int j = 0; j < sums; j++)
                    if (j + q >= edge && j + q < sums + 4 - edge) sum[j] = FN(vfma)(FN(vset)(pixel[j * channels]), weight, sum[j]);
            }
        }
    FN(line_finish)(t, sum, out, skip, sums);
}
#define WHOLE(sums) \
    static void FN(whole_##sums)(const FN(line_args) *t, const real *source, real *out, const real *skip) \
    { \
        if (t->channels == 3) FN(whole_core)(t, source, out, skip, sums, 3, 0); \
        else if (t->x.size == sums && t->x.source == sums - 4 && axis_low(t->x) == -4) FN(whole_core)(t, source, out, skip, sums, 16, 4); \
        else FN(whole_core)(t, source, out, skip, sums, 16, 0); \
    }
WHOLE(7) WHOLE(8) WHOLE(9) WHOLE(10) WHOLE(11) WHOLE(12) WHOLE(13) WHOLE(14)
#undef WHOLE
static void (*const FN(whole)[])(const FN(line_args) *, const real *, real *, const real *) = {
    FN(whole_7), FN(whole_8), FN(whole_9), FN(whole_10), FN(whole_11), FN(whole_12), FN(whole_13), FN(whole_14)
};
#endif

int FN(line_fits)(conv_axis x, isize width)
{
    const int by_places = x.stride == 1 && (x.step == 1 || x.step == -1) && (x.taps == 3 || x.taps == 5);
    return by_places && x.size >= LINE_LEAST && width <= FN(LANES) && 2 * width > FN(LANES);
}

void FN(run_line)(const FN(line_args) *t)
{
#if SIMD_REGISTERS == 16
    const isize whole = t->channels == t->depth && (t->channels == 3 || t->channels == 16) && t->x.taps == 5 && t->x.size > 7;
#else
    const isize whole = 0;
#endif
    const isize parts = ceil_div(t->x.size, whole ? LINE_WHOLE : LINE_MOST);
    for (isize part = 0; part < parts; part++) {                     /* as even as they come */
        const isize first = t->x.size * part / parts, count = t->x.size * (part + 1) / parts - first;
        const real *source = t->source + first * t->channels, *skip = t->skip ? t->skip + first * t->out_step : NULL;
        real *out = t->out + first * t->out_step;
#if SIMD_REGISTERS == 16
        if (whole) {
            FN(whole)[count - 7](t, source, out, skip);
            continue;
        }
#endif
        switch (count) {
            case 4: FN(line_4)(t, source, out, skip); break;
            case 5: FN(line_5)(t, source, out, skip); break;
            case 6: FN(line_6)(t, source, out, skip); break;
#if SIMD_REGISTERS == 32
            case 8: FN(line_8)(t, source, out, skip); break;
            case 9: FN(line_9)(t, source, out, skip); break;
            case 10: FN(line_10)(t, source, out, skip); break;
            case 11: FN(line_11)(t, source, out, skip); break;
            case 12: FN(line_12)(t, source, out, skip); break;
            case 13: FN(line_13)(t, source, out, skip); break;
            case 14: FN(line_14)(t, source, out, skip); break;
#endif
            default: FN(line_7)(t, source, out, skip);
        }
    }
}
#endif
