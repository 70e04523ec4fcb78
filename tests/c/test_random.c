/* Philox4x32-10 on the published known answers (Random123, kat_vectors), and the kernels that draw from it. */
#ifndef real
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "philox.h"
#include "random.h"
#include "dropout.h"
#include "penalty.h"

/* One block by the definition; the group function has to agree with it for every lane. */
static void block(uint64_t seed, uint64_t stream, uint64_t index, uint32_t out[4])
{
    uint32_t c[4] = { (uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream, (uint32_t)(stream >> 32) };
    uint32_t k[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    for (int round = 0; round < 10; round++) {
        const uint64_t p = (uint64_t)c[0] * 0xD2511F53u, q = (uint64_t)c[2] * 0xCD9E8D57u;
        const uint32_t next[4] = { (uint32_t)(q >> 32) ^ c[1] ^ k[0], (uint32_t)q, (uint32_t)(p >> 32) ^ c[3] ^ k[1], (uint32_t)p };
        memcpy(c, next, sizeof c);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    memcpy(out, c, sizeof c);
}

static void known(uint64_t seed, uint64_t stream, uint64_t index, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    uint32_t one[4], group[PHILOX_WORDS];
    block(seed, stream, index, one);
    assert(one[0] == a && one[1] == b && one[2] == c && one[3] == d);
    philox_group(seed, stream, index / PHILOX_LANES, group);
    const uint64_t l = index % PHILOX_LANES;
    assert(group[l] == a && group[16 + l] == b && group[32 + l] == c && group[48 + l] == d);
}

#define EACH_REAL "test_random.c"
#include "each_real.h"

int main(void)
{
    known(0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    known(UINT64_MAX, UINT64_MAX, UINT64_MAX, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
    known(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
    for (uint64_t g = 0; g < 50; g++) {
        uint32_t group[PHILOX_WORDS], one[4];
        philox_group(g * 77, g * 99, g, group);
        for (uint64_t l = 0; l < PHILOX_LANES; l++) {
            block(g * 77, g * 99, g * PHILOX_LANES + l, one);
            for (uint64_t w = 0; w < 4; w++) assert(group[w * PHILOX_LANES + l] == one[w]);
        }
    }

    uint64_t stream[2] = { 3, 5 };
    const pydl_ctx ctx = { .threads = 1 }, three = { .threads = 3 };
    assert(LEVEL_FN(stream_advance)(&ctx, &(LEVEL_FN(stream_advance_args)){ stream }) == PYDL_OK && stream[0] == 3 && stream[1] == 6);
    for (isize n = 0; n < 200; n += n < 4 ? 1 : 7) {
        int64_t *y = malloc((size_t)n * sizeof *y + 1);
        char *seen = calloc((size_t)n + 1, 1);
        assert(LEVEL_FN(random_permutation)(&ctx, &(LEVEL_FN(random_permutation_args)){ stream, n, y }) == PYDL_OK);
        for (isize i = 0; i < n; i++) { assert(y[i] >= 0 && y[i] < n && !seen[y[i]]); seen[y[i]] = 1; }
        assert(LEVEL_FN(random_integers)(&ctx, &(LEVEL_FN(random_integers_args)){ stream, -2, 5, n, y }) == PYDL_OK);
        for (isize i = 0; i < n; i++) assert(y[i] >= -2 && y[i] < 3);
        assert(LEVEL_FN(random_integers)(&three, &(LEVEL_FN(random_integers_args)){ stream, INT64_MIN, UINT64_MAX, n, y }) == PYDL_OK);
        free(y); free(seen);
    }
    check_pydl_f32();
    check_pydl_f64();
    printf("random: ok\n");
    return 0;
}
#else
#if REAL_IS_FLOAT
#define CHECK check_pydl_f32
#else
#define CHECK check_pydl_f64
#endif

static void CHECK(void)
{
    const uint64_t stream[2] = { 7, 9 };
    static const isize size[] = { 0, 1, 31, 32, 33, 63, 64, 65, 4097, 70001 };
    for (size_t s = 0; s < sizeof size / sizeof *size; s++) {
        const isize n = size[s];
        const size_t bytes = (size_t)n * sizeof(real);
        real *y[2] = { malloc(bytes + 1), malloc(bytes + 1) }, *x = malloc(bytes + 1);
        uint8_t *mask = malloc((size_t)n + 1);
        for (int kind = 0; kind < 4; kind++) {
            for (int t = 0; t < 2; t++) {
                const pydl_ctx ctx = { .threads = 1 + 2 * t };
                if (kind == 0) FN(random_uniform)(&ctx, &(FN(random_uniform_args)){ stream, -1, 2, n, y[t] });
                if (kind == 1) FN(random_normal)(&ctx, &(FN(random_normal_args)){ stream, 1, 2, n, y[t] });
                if (kind == 2) FN(random_truncated_normal)(&ctx, &(FN(random_truncated_normal_args)){ stream, 1, 2, n, y[t] });
                if (kind == 3) FN(dropout_noise)(&ctx, &(FN(dropout_noise_args)){ stream, 0.75, n, y[t] });
            }
            assert(memcmp(y[0], y[1], bytes) == 0);
            for (isize i = 0; i < n; i++) {
                if (kind == 0) assert(y[0][i] >= -1 && y[0][i] < 2);
                if (kind == 1) assert(isfinite(y[0][i]));
                if (kind == 2) assert(fabs((double)y[0][i] - 1) <= 4 + 1e-6);
                if (kind == 3) assert(y[0][i] == 0 || y[0][i] == 4);
            }
        }
        for (isize i = 0; i < n; i++) x[i] = (real)(i + 1);
        const pydl_ctx ctx = { .threads = 3 };
        FN(dropout_forward)(&ctx, &(FN(dropout_forward_args)){ stream, 0.75, x, n, y[1], mask });
        for (isize i = 0; i < n; i++) assert(mask[i] == (y[0][i] != 0) && y[1][i] == (mask[i] ? 4 * x[i] : 0));
        FN(dropout_backward)(&ctx, &(FN(dropout_backward_args)){ 0.75, x, mask, n, x });
        assert(memcmp(x, y[1], bytes) == 0);

        real value = -1, dvalue = 2;
        FN(penalty_forward_args) p = { NULL, y[0], 0.5, 0.25, n, &value };
        p.scratch = malloc((size_t)FN(penalty_forward_scratch)(&ctx, &p) + 1);
        FN(penalty_forward)(&ctx, &p);
        double want = 0;
        for (isize i = 0; i < n; i++) want += 0.5 * (double)y[0][i] + 0.25 * (double)(y[0][i] * y[0][i]);
        assert(fabs((double)value - want) <= 1e-6 * want);
        FN(penalty_backward)(&ctx, &(FN(penalty_backward_args)){ &dvalue, y[0], 0.5, 0.25, n, x });
        for (isize i = 0; i < n; i++) assert(x[i] == (y[0][i] > 0 ? 2 * (real)(0.5 + 2 * 0.25 * 4) : 0));
        free(p.scratch);
        FN(constrain_norm)(&ctx, &(FN(constrain_norm_args)){ 1, n, 1, 1, 1, 1, y[0] });
        double norm = 0;
        for (isize i = 0; i < n; i++) norm += (double)y[0][i] * (double)y[0][i];
        if (value > 0) assert(fabs(norm - 1) < 1e-4);
        free(y[0]); free(y[1]); free(x); free(mask);
    }
}
#undef CHECK
#endif
