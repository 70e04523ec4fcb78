/* Vector types and loads for the register-blocked kernels, one set a CPU level.  Intrinsics stand here only.

   FN(vec)      FN(LANES) reals; +, -, * and comparisons work on it as on numbers (GCC vector extension)
   FN(QUAD)     reals in 128 bits.  FN(vload_lanes)(p, row): 128-bit lane j of the result is loaded from p + row[j].
                FN(vtranspose_lanes)(r): the QUAD x QUAD block in each lane of r[0..QUAD-1], transposed in place
   FN(vmask)    which of the first lanes take part: FN(mask_of)(count), 0 <= count <= LANES
   wide         WIDE_LANES 64-bit integers, for the random numbers
   FN(vstream)  stores a whole vector past the caches, at a multiple of its size; after the last of a task comes stream_fence()
   SIMD_REGISTERS   architectural vector registers: what a block of accumulators may fill
   Each function is one or a few instructions at the levels that have them. */
#ifndef real
#ifndef PYDL_SIMD_H
#define PYDL_SIMD_H
#include "internal.h"
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif
#ifdef __AVX512F__
#define SIMD_HALVES 1                  /* FN(half) and its functions exist */
#endif
#if defined(__AVX512F__) || defined(__aarch64__)
#define SIMD_REGISTERS 32
#else
#define SIMD_REGISTERS 16
#endif
/* Makes an index opaque at this point of a loop, so that gcc addresses base + index * scale there
   instead of keeping every sum in a register of its own and spilling them (gcc 12: 30 % of a 14-row tile). */
#define OPAQUE(index) __asm__("" : "+r"(index))

/* Reals of results that no cache holds until they are read: a store past the caches does not read first what it overwrites.
   Convolution 8x224x224x3->64 1.17x, 3x3 8x56x56x128 1.12x, batch normalisation of 32x56x56x64 1.4x.  From 1 << 20 on, a step of ResNet-20
   (128 images, 2 M numbers a layer) would take 1.1 times as long: the next layer still finds such results in the outer cache. */
#define RESULTS_FAR ((isize)3 << 20)

/* Whether `size` reals from `to` on are so many, and lie at lines of the cache. */
ALWAYS_INLINE isize is_far(const void *to, isize size) { return size > RESULTS_FAR && (uintptr_t)to % 64 == 0; }

/* What was streamed is seen by other threads after the next barrier. */
ALWAYS_INLINE void stream_fence(void)
{
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

/* Vectors of WIDE_LANES 64-bit integers: ^, + and >> work on them as on numbers. */
#if defined(__AVX512F__)
enum { WIDE_LANES = 8 };
#elif defined(__AVX2__)
enum { WIDE_LANES = 4 };
#else
enum { WIDE_LANES = 2 };
#endif
typedef uint64_t wide __attribute__((vector_size(8 * WIDE_LANES)));
/* The whole product of the low halves of a and b; their high halves do not matter. */
ALWAYS_INLINE wide wide_product(wide a, wide b)
{
#if defined(__AVX512F__)
    return (wide)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (wide)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (wide)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu);
#endif
}
/* 0, 1, 2, ... */
ALWAYS_INLINE wide wide_steps(void)
{
#if defined(__AVX512F__)
    return (wide){ 0, 1, 2, 3, 4, 5, 6, 7 };
#elif defined(__AVX2__)
    return (wide){ 0, 1, 2, 3 };
#else
    return (wide){ 0, 1 };
#endif
}
/* The low halves, side by side. */
ALWAYS_INLINE void wide_low(wide a, uint32_t *p)
{
#if defined(__AVX512F__)
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi64_epi32((__m512i)a));
#elif defined(__AVX2__)
    const __m256i even = _mm256_permutevar8x32_epi32((__m256i)a, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
    _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(even));
#elif defined(__SSE2__)
    _mm_storel_epi64((__m128i *)p, _mm_shuffle_epi32((__m128i)a, 8));
#else
    for (int l = 0; l < WIDE_LANES; l++) p[l] = (uint32_t)a[l];
#endif
}
/* Bytes to 32-bit lanes and back, lanes a constant.  (gcc 12 widens a byte vector in 128-bit pieces by way of memory: 4 x slower.) */
ALWAYS_INLINE void widen_bytes(const uint8_t *p, int32_t *lane, const int lanes)
{
    int l = 0;
#if defined(__AVX512F__)
    for (; l + 16 <= lanes; l += 16) _mm512_storeu_si512(lane + l, _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(p + l))));
#endif
#if defined(__AVX2__)
    for (; l + 8 <= lanes; l += 8) _mm256_storeu_si256((__m256i *)(lane + l), _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(p + l))));
#endif
    for (; l < lanes; l++) lane[l] = p[l];
}
ALWAYS_INLINE void narrow_bytes(const int32_t *lane, uint8_t *p, const int lanes)
{
    int l = 0;
#if defined(__AVX512VL__)
    for (; l + 16 <= lanes; l += 16) _mm_storeu_si128((__m128i *)(p + l), _mm512_cvtepi32_epi8(_mm512_loadu_si512(lane + l)));
    for (; l + 8 <= lanes; l += 8) _mm_storel_epi64((__m128i *)(p + l), _mm256_cvtepi32_epi8(_mm256_loadu_si256((const __m256i *)(lane + l))));
#elif defined(__SSE2__)
    for (; l + 8 <= lanes; l += 8) {
        const __m128i words = _mm_packs_epi32(_mm_loadu_si128((const __m128i *)(lane + l)), _mm_loadu_si128((const __m128i *)(lane + l + 4)));
        _mm_storel_epi64((__m128i *)(p + l), _mm_packus_epi16(words, words));
    }
#endif
    for (; l < lanes; l++) p[l] = (uint8_t)lane[l];
}
#define EACH_REAL "simd.h"
#include "each_real.h"
#endif
#else

#if defined(__AVX512F__)
#if REAL_IS_FLOAT
typedef __m512 FN(vec);
typedef __mmask16 FN(vmask);
enum { FN(LANES) = 16 };
ALWAYS_INLINE FN(vec) FN(vload)(const real *p) { return _mm512_loadu_ps(p); }
ALWAYS_INLINE void FN(vstore)(real *p, FN(vec) x) { _mm512_storeu_ps(p, x); }
ALWAYS_INLINE void FN(vstream)(real *p, FN(vec) x) { _mm512_stream_ps(p, x); }
ALWAYS_INLINE FN(vec) FN(vset)(real x) { return _mm512_set1_ps(x); }
ALWAYS_INLINE FN(vec) FN(vfma)(FN(vec) a, FN(vec) b, FN(vec) c) { return _mm512_fmadd_ps(a, b, c); }
ALWAYS_INLINE FN(vec) FN(vmax)(FN(vec) a, FN(vec) b) { return _mm512_max_ps(a, b); }
ALWAYS_INLINE FN(vmask) FN(mask_of)(isize count) { return (FN(vmask))((1u << count) - 1u); }
ALWAYS_INLINE FN(vec) FN(vload_mask)(const real *p, FN(vmask) m) { return _mm512_maskz_loadu_ps(m, p); }
ALWAYS_INLINE void FN(vstore_mask)(real *p, FN(vmask) m, FN(vec) x) { _mm512_mask_storeu_ps(p, m, x); }
/* Half a vector: for tiles that would leave most of a whole one idle. */
typedef __m256 FN(half);
typedef __mmask8 FN(half_mask);
enum { FN(HALF_LANES) = 8 };
ALWAYS_INLINE FN(half) FN(hload)(const real *p) { return _mm256_loadu_ps(p); }
ALWAYS_INLINE void FN(hstore)(real *p, FN(half) x) { _mm256_storeu_ps(p, x); }
ALWAYS_INLINE void FN(hstream)(real *p, FN(half) x) { _mm256_stream_ps(p, x); }
ALWAYS_INLINE FN(half) FN(hset)(real x) { return _mm256_set1_ps(x); }
ALWAYS_INLINE FN(half) FN(hlow)(FN(vec) x) { return _mm512_castps512_ps256(x); }
ALWAYS_INLINE FN(half) FN(hfma)(FN(half) a, FN(half) b, FN(half) c) { return _mm256_fmadd_ps(a, b, c); }
ALWAYS_INLINE FN(half) FN(hmax)(FN(half) a, FN(half) b) { return _mm256_max_ps(a, b); }
ALWAYS_INLINE FN(half_mask) FN(half_mask_of)(isize count) { return (FN(half_mask))((1u << count) - 1u); }
ALWAYS_INLINE FN(half) FN(hload_mask)(const real *p, FN(half_mask) m) { return _mm256_maskz_loadu_ps(m, p); }
ALWAYS_INLINE void FN(hstore_mask)(real *p, FN(half_mask) m, FN(half) x) { _mm256_mask_storeu_ps(p, m, x); }
ALWAYS_INLINE FN(vec) FN(vload_lanes)(const real *p, const isize *row)
{
    const __m512 x = _mm512_insertf32x4(_mm512_castps128_ps512(_mm_loadu_ps(p + row[0])), _mm_loadu_ps(p + row[1]), 1);
    return _mm512_insertf32x4(_mm512_insertf32x4(x, _mm_loadu_ps(p + row[2]), 2), _mm_loadu_ps(p + row[3]), 3);
}
ALWAYS_INLINE void FN(vtranspose_lanes)(FN(vec) *r)
{
    const __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(r[0], r[1])), b = _mm512_castps_pd(_mm512_unpackhi_ps(r[0], r[1]));
    const __m512d c = _mm512_castps_pd(_mm512_unpacklo_ps(r[2], r[3])), d = _mm512_castps_pd(_mm512_unpackhi_ps(r[2], r[3]));
    r[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    r[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    r[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    r[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
}
#else
typedef __m512d FN(vec);
typedef __mmask8 FN(vmask);
enum { FN(LANES) = 8 };
ALWAYS_INLINE FN(vec) FN(vload)(const real *p) { return _mm512_loadu_pd(p); }
ALWAYS_INLINE void FN(vstore)(real *p, FN(vec) x) { _mm512_storeu_pd(p, x); }
ALWAYS_INLINE void FN(vstream)(real *p, FN(vec) x) { _mm512_stream_pd(p, x); }
ALWAYS_INLINE FN(vec) FN(vset)(real x) { return _mm512_set1_pd(x); }
ALWAYS_INLINE FN(vec) FN(vfma)(FN(vec) a, FN(vec) b, FN(vec) c) { return _mm512_fmadd_pd(a, b, c); }
ALWAYS_INLINE FN(vec) FN(vmax)(FN(vec) a, FN(vec) b) { return _mm512_max_pd(a, b); }
ALWAYS_INLINE FN(vmask) FN(mask_of)(isize count) { return (FN(vmask))((1u << count) - 1u); }
ALWAYS_INLINE FN(vec) FN(vload_mask)(const real *p, FN(vmask) m) { return _mm512_maskz_loadu_pd(m, p); }
ALWAYS_INLINE void FN(vstore_mask)(real *p, FN(vmask) m, FN(vec) x) { _mm512_mask_storeu_pd(p, m, x); }
typedef __m256d FN(half);
typedef __mmask8 FN(half_mask);
enum { FN(HALF_LANES) = 4 };
ALWAYS_INLINE FN(half) FN(hload)(const real *p) { return _mm256_loadu_pd(p); }
ALWAYS_INLINE void FN(hstore)(real *p, FN(half) x) { _mm256_storeu_pd(p, x); }
ALWAYS_INLINE void FN(hstream)(real *p, FN(half) x) { _mm256_stream_pd(p, x); }
ALWAYS_INLINE FN(half) FN(hset)(real x) { return _mm256_set1_pd(x); }
ALWAYS_INLINE FN(half) FN(hlow)(FN(vec) x) { return _mm512_castpd512_pd256(x); }
ALWAYS_INLINE FN(half) FN(hfma)(FN(half) a, FN(half) b, FN(half) c) { return _mm256_fmadd_pd(a, b, c); }
ALWAYS_INLINE FN(half) FN(hmax)(FN(half) a, FN(half) b) { return _mm256_max_pd(a, b); }
ALWAYS_INLINE FN(half_mask) FN(half_mask_of)(isize count) { return (FN(half_mask))((1u << count) - 1u); }
ALWAYS_INLINE FN(half) FN(hload_mask)(const real *p, FN(half_mask) m) { return _mm256_maskz_loadu_pd(m, p); }
ALWAYS_INLINE void FN(hstore_mask)(real *p, FN(half_mask) m, FN(half) x) { _mm256_mask_storeu_pd(p, m, x); }
ALWAYS_INLINE FN(vec) FN(vload_lanes)(const real *p, const isize *row)
{
    const __m512d x = _mm512_insertf64x2(_mm512_castpd128_pd512(_mm_loadu_pd(p + row[0])), _mm_loadu_pd(p + row[1]), 1);
    return _mm512_insertf64x2(_mm512_insertf64x2(x, _mm_loadu_pd(p + row[2]), 2), _mm_loadu_pd(p + row[3]), 3);
}
ALWAYS_INLINE void FN(vtranspose_lanes)(FN(vec) *r)
{
    const __m512d a = _mm512_unpacklo_pd(r[0], r[1]);
    r[1] = _mm512_unpackhi_pd(r[0], r[1]);
    r[0] = a;
}
#endif

#elif defined(__AVX2__) && defined(__FMA__)
#if REAL_IS_FLOAT
typedef __m256 FN(vec);
typedef __m256i FN(vmask);
enum { FN(LANES) = 8 };
ALWAYS_INLINE FN(vec) FN(vload)(const real *p) { return _mm256_loadu_ps(p); }
ALWAYS_INLINE void FN(vstore)(real *p, FN(vec) x) { _mm256_storeu_ps(p, x); }
ALWAYS_INLINE void FN(vstream)(real *p, FN(vec) x) { _mm256_stream_ps(p, x); }
ALWAYS_INLINE FN(vec) FN(vset)(real x) { return _mm256_set1_ps(x); }
ALWAYS_INLINE FN(vec) FN(vfma)(FN(vec) a, FN(vec) b, FN(vec) c) { return _mm256_fmadd_ps(a, b, c); }
ALWAYS_INLINE FN(vec) FN(vmax)(FN(vec) a, FN(vec) b) { return _mm256_max_ps(a, b); }
ALWAYS_INLINE FN(vmask) FN(mask_of)(isize count)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
ALWAYS_INLINE FN(vec) FN(vload_mask)(const real *p, FN(vmask) m) { return _mm256_maskload_ps(p, m); }
/* A store by mask takes some CPUs twelve cycles (AMD until Zen 3), all lanes or not. */
ALWAYS_INLINE void FN(vstore_mask)(real *p, FN(vmask) m, FN(vec) x)
{
    if (_mm256_movemask_ps(_mm256_castsi256_ps(m)) == 0xff) FN(vstore)(p, x);
    else _mm256_maskstore_ps(p, m, x);
}
ALWAYS_INLINE FN(vec) FN(vload_lanes)(const real *p, const isize *row)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p + row[0])), _mm_loadu_ps(p + row[1]), 1);
}
ALWAYS_INLINE void FN(vtranspose_lanes)(FN(vec) *r)
{
    const __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(r[0], r[1])), b = _mm256_castps_pd(_mm256_unpackhi_ps(r[0], r[1]));
    const __m256d c = _mm256_castps_pd(_mm256_unpacklo_ps(r[2], r[3])), d = _mm256_castps_pd(_mm256_unpackhi_ps(r[2], r[3]));
    r[0] = _mm256_castpd_ps(_mm256_unpacklo_pd(a, c));
    r[1] = _mm256_castpd_ps(_mm256_unpackhi_pd(a, c));
    r[2] = _mm256_castpd_ps(_mm256_unpacklo_pd(b, d));
    r[3] = _mm256_castpd_ps(_mm256_unpackhi_pd(b, d));
}
#else
typedef __m256d FN(vec);
typedef __m256i FN(vmask);
enum { FN(LANES) = 4 };
ALWAYS_INLINE FN(vec) FN(vload)(const real *p) { return _mm256_loadu_pd(p); }
ALWAYS_INLINE void FN(vstore)(real *p, FN(vec) x) { _mm256_storeu_pd(p, x); }
ALWAYS_INLINE void FN(vstream)(real *p, FN(vec) x) { _mm256_stream_pd(p, x); }
ALWAYS_INLINE FN(vec) FN(vset)(real x) { return _mm256_set1_pd(x); }
ALWAYS_INLINE FN(vec) FN(vfma)(FN(vec) a, FN(vec) b, FN(vec) c) { return _mm256_fmadd_pd(a, b, c); }
ALWAYS_INLINE FN(vec) FN(vmax)(FN(vec) a, FN(vec) b) { return _mm256_max_pd(a, b); }
ALWAYS_INLINE FN(vmask) FN(mask_of)(isize count)
{
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)count), _mm256_setr_epi64x(0, 1, 2, 3));
}
ALWAYS_INLINE FN(vec) FN(vload_mask)(const real *p, FN(vmask) m) { return _mm256_maskload_pd(p, m); }
ALWAYS_INLINE void FN(vstore_mask)(real *p, FN(vmask) m, FN(vec) x)
{
    if (_mm256_movemask_pd(_mm256_castsi256_pd(m)) == 0xf) FN(vstore)(p, x);
    else _mm256_maskstore_pd(p, m, x);
}
ALWAYS_INLINE FN(vec) FN(vload_lanes)(const real *p, const isize *row)
{
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(p + row[0])), _mm_loadu_pd(p + row[1]), 1);
}
ALWAYS_INLINE void FN(vtranspose_lanes)(FN(vec) *r)
{
    const __m256d a = _mm256_unpacklo_pd(r[0], r[1]);
    r[1] = _mm256_unpackhi_pd(r[0], r[1]);
    r[0] = a;
}
#endif

#else                                                                                /* 128 bits: SSE2, NEON, others */
typedef real FN(vec) __attribute__((vector_size(16), aligned(16), may_alias));
typedef real FN(vec_unaligned) __attribute__((vector_size(16), aligned(sizeof(real)), may_alias));
typedef isize FN(vmask);                                                             /* the count itself */
enum { FN(LANES) = 16 / (int)sizeof(real) };
ALWAYS_INLINE FN(vec) FN(vload)(const real *p) { return *(const FN(vec_unaligned) *)p; }
ALWAYS_INLINE void FN(vstore)(real *p, FN(vec) x) { *(FN(vec_unaligned) *)p = x; }
ALWAYS_INLINE void FN(vstream)(real *p, FN(vec) x)
{
#if defined(__SSE2__) && REAL_IS_FLOAT
    _mm_stream_ps(p, (__m128)x);
#elif defined(__SSE2__)
    _mm_stream_pd(p, (__m128d)x);
#else
    FN(vstore)(p, x);
#endif
}
ALWAYS_INLINE FN(vec) FN(vset)(real x)
{
#if REAL_IS_FLOAT
    return (FN(vec)){ x, x, x, x };
#else
    return (FN(vec)){ x, x };
#endif
}
ALWAYS_INLINE FN(vec) FN(vfma)(FN(vec) a, FN(vec) b, FN(vec) c)
{
#if defined(__aarch64__) && REAL_IS_FLOAT
    return (FN(vec))vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#elif defined(__aarch64__)
    return (FN(vec))vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
    return a * b + c;
#endif
}
ALWAYS_INLINE FN(vec) FN(vmax)(FN(vec) a, FN(vec) b)                                  /* b where either is NaN, as on x86 */
{
#if defined(__SSE2__) && REAL_IS_FLOAT
    return (FN(vec))_mm_max_ps((__m128)a, (__m128)b);
#elif defined(__SSE2__)
    return (FN(vec))_mm_max_pd((__m128d)a, (__m128d)b);
#else
    const __auto_type more = a > b;
    return (FN(vec))(((__typeof__(more))a & more) | ((__typeof__(more))b & ~more));
#endif
}
ALWAYS_INLINE FN(vmask) FN(mask_of)(isize count) { return count; }
ALWAYS_INLINE FN(vec) FN(vload_mask)(const real *p, FN(vmask) m)
{
    real lane[FN(LANES)] = { 0 };
    #pragma GCC unroll 1
    for (isize i = 0; i < m; i++) lane[i] = p[i];
    return FN(vload)(lane);
}
ALWAYS_INLINE void FN(vstore_mask)(real *p, FN(vmask) m, FN(vec) x)
{
    real lane[FN(LANES)];
    FN(vstore)(lane, x);
    #pragma GCC unroll 1
    for (isize i = 0; i < m; i++) p[i] = lane[i];
}
ALWAYS_INLINE FN(vec) FN(vload_lanes)(const real *p, const isize *row) { return FN(vload)(p + row[0]); }
ALWAYS_INLINE void FN(vtranspose_lanes)(FN(vec) *r)
{
#if REAL_IS_FLOAT
    typedef int index __attribute__((vector_size(16)));
    const FN(vec) a = __builtin_shuffle(r[0], r[1], (index){ 0, 4, 1, 5 }), b = __builtin_shuffle(r[0], r[1], (index){ 2, 6, 3, 7 });
    const FN(vec) c = __builtin_shuffle(r[2], r[3], (index){ 0, 4, 1, 5 }), d = __builtin_shuffle(r[2], r[3], (index){ 2, 6, 3, 7 });
    r[0] = __builtin_shuffle(a, c, (index){ 0, 1, 4, 5 });
    r[1] = __builtin_shuffle(a, c, (index){ 2, 3, 6, 7 });
    r[2] = __builtin_shuffle(b, d, (index){ 0, 1, 4, 5 });
    r[3] = __builtin_shuffle(b, d, (index){ 2, 3, 6, 7 });
#else
    typedef long long index __attribute__((vector_size(16)));
    const FN(vec) a = __builtin_shuffle(r[0], r[1], (index){ 0, 2 });
    r[1] = __builtin_shuffle(r[0], r[1], (index){ 1, 3 });
    r[0] = a;
#endif
}
#endif

enum { FN(QUAD) = 16 / (int)sizeof(real) };

ALWAYS_INLINE FN(vec) FN(vzero)(void) { return FN(vset)(0); }

/* max(vset(least), x), in this order, is x with a relu or without: no branch for each vector.   A NaN stays. */
ALWAYS_INLINE real FN(least)(isize relu) { return relu ? 0 : -(real)INFINITY; }

/* The lanes added in halves: lane i and lane i + LANES / 2 first. */
ALWAYS_INLINE real FN(vsum)(FN(vec) x)
{
#if defined(__AVX512F__) && REAL_IS_FLOAT
    return _mm512_reduce_add_ps(x);
#elif defined(__AVX512F__)
    return _mm512_reduce_add_pd(x);
#elif defined(__AVX2__) && defined(__FMA__) && REAL_IS_FLOAT
    const __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1)), t = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(t, _mm_movehdup_ps(t)));
#elif defined(__AVX2__) && defined(__FMA__)
    const __m128d s = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
#elif REAL_IS_FLOAT
    return (x[0] + x[2]) + (x[1] + x[3]);
#else
    return x[0] + x[1];
#endif
}
#endif
