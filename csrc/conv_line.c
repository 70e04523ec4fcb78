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
/* The same sums, of three channels by 5 places. */
ALWAYS_INLINE void FN(colours_core)(const FN(line_args) *t, const real *source, real *out, const real *skip, const int sums)
{
    FN(vec) sum[LINE_COLOURS];
    const FN(vec) start = t->start ? FN(vload)(t->start) : FN(vzero)();
    #pragma GCC unroll 14
    for (int j = 0; j < sums; j++) sum[j] = start;
    const real *weights = t->weight;
    for (isize m = 0; m < t->rows; m++, source += t->row_step, weights += 5 * 3 * FN(LANES))
        for (isize c = 0; c < 3; c++) {
            const real *pixel = source + c;
            #pragma GCC unroll 5
            for (int q = 0; q < 5; q++, pixel += 3) {
                const FN(vec) weight = FN(vload)(weights + (q * 3 + c) * FN(LANES));
                OPAQUE(pixel);                                       /* else pixels would be kept from place to place, in memory */
                #pragma GCC unroll 14
                for (int j = 0; j < sums; j++) sum[j] = FN(vfma)(FN(vset)(pixel[3 * j]), weight, sum[j]);
            }
        }
    FN(line_finish)(t, sum, out, skip, sums);
}
#define COLOURS(sums) \
    static void FN(colours_##sums)(const FN(line_args) *t, const real *source, real *out, const real *skip) { FN(colours_core)(t, source, out, skip, sums); }
COLOURS(7) COLOURS(8) COLOURS(9) COLOURS(10) COLOURS(11) COLOURS(12) COLOURS(13) COLOURS(14)
#undef COLOURS
static void (*const FN(colours)[])(const FN(line_args) *, const real *, real *, const real *) = {
    FN(colours_7), FN(colours_8), FN(colours_9), FN(colours_10), FN(colours_11), FN(colours_12), FN(colours_13), FN(colours_14)
};
#endif

int FN(line_fits)(conv_axis x, isize width)
{
    return x.stride == 1 && (x.step == 1 || x.step == -1) && (x.taps == 3 || x.taps == 5) && x.size >= LINE_LEAST && width <= FN(LANES) && 2 * width > FN(LANES);
}

void FN(run_line)(const FN(line_args) *t)
{
#if SIMD_REGISTERS == 16
    const isize colours = t->channels == 3 && t->depth == 3 && t->x.taps == 5 && t->x.step == 1 && t->x.size > 7;
#else
    const isize colours = 0;
#endif
    const isize parts = ceil_div(t->x.size, colours ? LINE_COLOURS : LINE_MOST);
    for (isize part = 0; part < parts; part++) {                     /* as even as they come */
        const isize first = t->x.size * part / parts, count = t->x.size * (part + 1) / parts - first;
        const real *source = t->source + first * t->channels, *skip = t->skip ? t->skip + first * t->out_step : NULL;
        real *out = t->out + first * t->out_step;
#if SIMD_REGISTERS == 16
        if (colours) {
            FN(colours)[count - 7](t, source, out, skip);
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
