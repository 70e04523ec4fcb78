/* Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw (2011): sixteen blocks at a time.

   A number is a function of (seed, stream, position), whoever asks for it and in whatever order: block b of a stream is
   the cipher of the counter (b, stream), both 64 bits, low word first, under the key seed.  Sixteen blocks make a group of
   64 words: word w of block l of the group is out[16 * w + l], so that lanes stay lanes.
   Integer arithmetic only: the same words at every CPU level. */
#ifndef PYDL_PHILOX_H
#define PYDL_PHILOX_H
#include "internal.h"
#include "simd.h"

#define PHILOX_LANES 16
#define PHILOX_WORDS 64

static inline void philox_group(uint64_t seed, uint64_t stream, uint64_t group, uint32_t *out)
{
    const wide zero = { 0 }, m0 = zero + 0xD2511F53u, m1 = zero + 0xCD9E8D57u;
    for (int at = 0; at < PHILOX_LANES; at += WIDE_LANES) {
        /* A lane holds a 32-bit word in its low half; the high half is never looked at. */
        wide a = zero + (group * PHILOX_LANES + (uint64_t)at) + wide_steps(), b, c = zero + stream, d = zero + (stream >> 32);
        b = a >> 32;
        uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
        for (int round = 0; round < 10; round++) {
            const wide p = wide_product(a, m0), q = wide_product(c, m1);
            a = (q >> 32) ^ b ^ (zero + k0);
            c = (p >> 32) ^ d ^ (zero + k1);
            b = q;
            d = p;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        wide_low(a, out + at);
        wide_low(b, out + PHILOX_LANES + at);
        wide_low(c, out + 2 * PHILOX_LANES + at);
        wide_low(d, out + 3 * PHILOX_LANES + at);
    }
}

/* The 32 words of 64 bits of a group: words 0 and 1 of each block, low half first, then words 2 and 3. */
static inline void philox_wide(const uint32_t *words, uint64_t *out)
{
    for (int half = 0; half < 2; half++) {
        const uint32_t *low = words + 2 * half * PHILOX_LANES, *high = low + PHILOX_LANES;
        #pragma omp simd
        for (int l = 0; l < PHILOX_LANES; l++) out[half * PHILOX_LANES + l] = (uint64_t)high[l] << 32 | low[l];
    }
}
#endif
