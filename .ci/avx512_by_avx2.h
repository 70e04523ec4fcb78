/* The intrinsics of AVX-512 that csrc/simd.h uses, by those of AVX2: .ci/other-cpus includes it before everything else, so that the kernels of that level,
   with their tiles, masks and tables, run where no CPU has it.   Of speed it says nothing. */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>
#define __AVX512F__ 1
#define __AVX512VL__ 1

#define EMULATED static inline __attribute__((always_inline, unused))
typedef float f32x16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef double f64x8 __attribute__((vector_size(64), aligned(8), may_alias));
typedef union { __m512 all; __m256 half[2]; __m128 quarter[4]; float lane[16]; } parts_ps;
typedef union { __m512d all; __m256d half[2]; __m128d quarter[4]; double lane[8]; } parts_pd;
typedef union { __m512i all; __m256i half[2]; int32_t i32[16]; uint64_t u64[8]; } parts_si;

/* One set for each type.   A masked lane is neither read nor written, as on the CPU; a streamed store that is not aligned ends the process, as there. */
#define FOR_TYPE(ps, vec, vec256, vec128, real, unaligned) \
    EMULATED vec loadu_##ps(const real *p) { return (vec)*(const unaligned *)p; } \
    EMULATED void storeu_##ps(real *p, vec x) { *(unaligned *)p = (unaligned)x; } \
    EMULATED void stream_##ps(real *p, vec x) { if ((uintptr_t)p % 64) __builtin_trap(); storeu_##ps(p, x); } \
    EMULATED vec set1_##ps(real x) { return x - (vec){ 0 }; } \
    EMULATED vec fmadd_##ps(vec a, vec b, vec c) \
    { \
        parts_##ps x = { a }, y = { b }, z = { c }; \
        for (int h = 0; h < 2; h++) z.half[h] = _mm256_fmadd_##ps(x.half[h], y.half[h], z.half[h]); \
        return z.all; \
    } \
    EMULATED vec maskz_loadu_##ps(unsigned mask, const real *p) \
    { \
        parts_##ps x = { (vec){ 0 } }; \
        for (unsigned l = 0; l < 64 / sizeof(real); l++) if (mask >> l & 1) x.lane[l] = p[l]; \
        return x.all; \
    } \
    EMULATED void mask_storeu_##ps(real *p, unsigned mask, vec a) \
    { \
        const parts_##ps x = { a }; \
        for (unsigned l = 0; l < 64 / sizeof(real); l++) if (mask >> l & 1) p[l] = x.lane[l]; \
    } \
    EMULATED vec256 lower_##ps(vec a) { const parts_##ps x = { a }; return x.half[0]; } \
    EMULATED vec256 maskz_loadu_256_##ps(unsigned mask, const real *p) { return lower_##ps(maskz_loadu_##ps(mask, p)); } \
    EMULATED void mask_storeu_256_##ps(real *p, unsigned mask, vec256 a) { const parts_##ps x = { .half = { a, a } }; mask_storeu_##ps(p, mask, x.all); } \
    EMULATED vec extended_##ps(vec128 a) { const parts_##ps x = { .quarter = { a } }; return x.all; } \
    EMULATED vec insert_##ps(vec a, vec128 b, int k) { parts_##ps x = { a }; x.quarter[k] = b; return x.all; } \
    BY_HALVES(max, ps, vec) BY_HALVES(unpacklo, ps, vec) BY_HALVES(unpackhi, ps, vec)
#define BY_HALVES(name, ps, vec) \
    EMULATED vec name##_##ps(vec a, vec b) \
    { \
        parts_##ps x = { a }, y = { b }; \
        for (int h = 0; h < 2; h++) x.half[h] = _mm256_##name##_##ps(x.half[h], y.half[h]); \
        return x.all; \
    }
FOR_TYPE(ps, __m512, __m256, __m128, float, f32x16)
FOR_TYPE(pd, __m512d, __m256d, __m128d, double, f64x8)

/* Halves are added, then their halves, and so on. */
EMULATED float reduce_add_ps(__m512 a)
{
    const parts_ps x = { a };
    const __m256 s = _mm256_add_ps(x.half[0], x.half[1]);
    float lane[4];
    _mm_storeu_ps(lane, _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1)));
    return (lane[0] + lane[2]) + (lane[1] + lane[3]);
}
EMULATED double reduce_add_pd(__m512d a)
{
    const parts_pd x = { a };
    double lane[4];
    _mm256_storeu_pd(lane, _mm256_add_pd(x.half[0], x.half[1]));
    return (lane[0] + lane[2]) + (lane[1] + lane[3]);
}

/* Integers. */
EMULATED __m512i loadu_si(const void *p) { parts_si x; memcpy(&x, p, sizeof x); return x.all; }
EMULATED void storeu_si(void *p, __m512i a) { memcpy(p, &a, sizeof a); }
EMULATED __m512i mul_epu32(__m512i a, __m512i b)
{
    parts_si x = { a }, y = { b };
    for (int l = 0; l < 8; l++) x.u64[l] = (x.u64[l] & 0xffffffffu) * (y.u64[l] & 0xffffffffu);
    return x.all;
}
EMULATED __m256i cvtepi64_epi32(__m512i a)
{
    parts_si x = { a }, y;
    for (int l = 0; l < 8; l++) y.i32[l] = (int32_t)x.u64[l];
    return y.half[0];
}
EMULATED __m512i cvtepu8_epi32(__m128i a)
{
    uint8_t byte[16];
    parts_si x;
    memcpy(byte, &a, 16);
    for (int l = 0; l < 16; l++) x.i32[l] = byte[l];
    return x.all;
}
EMULATED __m128i cvtepi32_epi8(__m512i a)
{
    const parts_si x = { a };
    uint8_t byte[16];
    for (int l = 0; l < 16; l++) byte[l] = (uint8_t)x.i32[l];
    return _mm_loadu_si128((const __m128i *)byte);
}
EMULATED __m128i cvtepi32_epi8_256(__m256i a) { const parts_si x = { .half = { a, _mm256_setzero_si256() } }; return cvtepi32_epi8(x.all); }

/* Some of the names are macros already, without optimisation. */
#define _mm512_loadu_ps loadu_ps
#define _mm512_loadu_pd loadu_pd
#define _mm512_storeu_ps storeu_ps
#define _mm512_storeu_pd storeu_pd
#define _mm512_stream_ps stream_ps
#define _mm512_stream_pd stream_pd
#define _mm512_set1_ps set1_ps
#define _mm512_set1_pd set1_pd
#define _mm512_fmadd_ps fmadd_ps
#define _mm512_fmadd_pd fmadd_pd
#define _mm512_max_ps max_ps
#define _mm512_max_pd max_pd
#define _mm512_unpacklo_ps unpacklo_ps
#define _mm512_unpacklo_pd unpacklo_pd
#define _mm512_unpackhi_ps unpackhi_ps
#define _mm512_unpackhi_pd unpackhi_pd
#define _mm512_maskz_loadu_ps maskz_loadu_ps
#define _mm512_maskz_loadu_pd maskz_loadu_pd
#define _mm512_mask_storeu_ps mask_storeu_ps
#define _mm512_mask_storeu_pd mask_storeu_pd
#define _mm512_reduce_add_ps reduce_add_ps
#define _mm512_reduce_add_pd reduce_add_pd
#define _mm256_maskz_loadu_ps maskz_loadu_256_ps
#define _mm256_maskz_loadu_pd maskz_loadu_256_pd
#define _mm256_mask_storeu_ps mask_storeu_256_ps
#define _mm256_mask_storeu_pd mask_storeu_256_pd
#define _mm512_castps512_ps256 lower_ps
#define _mm512_castpd512_pd256 lower_pd
#define _mm512_castps128_ps512 extended_ps
#define _mm512_castpd128_pd512 extended_pd
#undef _mm512_insertf32x4
#define _mm512_insertf32x4 insert_ps
#undef _mm512_insertf64x2
#define _mm512_insertf64x2 insert_pd
#define _mm512_castps_pd (__m512d)
#define _mm512_castpd_ps (__m512)
#define _mm512_loadu_si512 loadu_si
#define _mm512_storeu_si512 storeu_si
#define _mm512_mul_epu32 mul_epu32
#define _mm512_cvtepi64_epi32 cvtepi64_epi32
#define _mm512_cvtepu8_epi32 cvtepu8_epi32
#define _mm512_cvtepi32_epi8 cvtepi32_epi8
#define _mm256_cvtepi32_epi8 cvtepi32_epi8_256
