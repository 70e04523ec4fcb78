/* The product against three plain loops, for every remainder below, at and above the tile, at the CPU level of the build. */
#ifndef real
#include "check.h"
#include "internal.h"
#include "gemm.h"

#define EACH_REAL "test_gemm.c"
#include "each_real.h"

int main(void)
{
    check_f32();
    check_f64();
    printf(failures ? "%d failures\n" : "gemm: ok\n", failures);
    return failures != 0;
}
#else
#if REAL_IS_FLOAT
#define R(name) name##_f32
#define EPSILON 1.2e-7
#else
#define R(name) name##_f64
#define EPSILON 2.3e-16
#endif

static real *R(filled)(isize count)
{
    real *x = malloc((size_t)max_isize(count, 1) * sizeof(real));
    for (isize i = 0; i < count; i++) x[i] = (real)random_unit();
    return x;
}

/* mode: bit 0 A transposed, bit 1 B transposed, bit 2 B packed beforehand, bit 3 bias, bit 4 accumulate, bit 5 relu, bit 6 C wider than n. */
static void R(check_one)(isize m, isize n, isize k, int mode)
{
    const isize c_row = n + (mode & 64 ? 5 : 0);
    real *a = R(filled)(m * k), *b = R(filled)(k * n), *bias = R(filled)(n), *c = R(filled)(m * c_row + 1);
    real *before = malloc((size_t)(m * c_row + 1) * sizeof(real)), *again = malloc((size_t)(m * c_row + 1) * sizeof(real));
    memcpy(before, c, (size_t)(m * c_row + 1) * sizeof(real));
    memcpy(again, c, (size_t)(m * c_row + 1) * sizeof(real));
    const pydl_blas none = { 0 };
    pydl_ctx ctx = { .threads = 1, .blas = &none };
    FN(gemm_args) g = {
        .m = m, .n = n, .k = k, .a = a, .a_row = mode & 1 ? 1 : k, .a_col = mode & 1 ? m : 1,
        .b = b, .b_row = mode & 2 ? 1 : n, .b_col = mode & 2 ? k : 1, .bias = mode & 8 ? bias : NULL,
        .accumulate = (mode & 16) != 0, .activation = mode & 32 ? GEMM_RELU : GEMM_LINEAR, .c = c, .c_row = c_row
    };
    const isize b_row = g.b_row, b_col = g.b_col;
    real *packed = NULL;
    if (mode & 4) {
        packed = aligned_alloc(64, (size_t)(FN(gemm_packed_size)(k, n) + 64) * sizeof(real) / 64 * 64 + 64);
        FN(gemm_pack_panels)(b, b_row, b_col, k, n, 0, ceil_div(n, FN(GEMM_NR)), packed);
        g.b = packed;
        g.b_packed = 1;
    }
    g.scratch = aligned_alloc(64, (size_t)FN(gemm_scratch)(&ctx, &g) / 64 * 64 + 64);
    FN(gemm)(&ctx, &g);
    int bad = 0;
    for (isize i = 0; i < m; i++)
        for (isize j = 0; j < c_row; j++) {
            double want = before[i * c_row + j], size = 0;
            if (j < n) {
                double sum = 0;
                for (isize p = 0; p < k; p++) {
                    const double term = (double)a[i * g.a_row + p * g.a_col] * (double)b[p * b_row + j * b_col];
                    sum += term;
                    size += fabs(term);
                }
                if (mode & 16) { size += fabs(want); sum += want; }
                if (mode & 8) { size += fabs((double)bias[j]); sum += bias[j]; }
                want = mode & 32 && !(sum > 0) ? 0 : sum;
            }
            if (!(fabs(c[i * c_row + j] - want) <= EPSILON * (double)(k + 3) * size)) bad++;
        }
    if (c[m * c_row] != before[m * c_row]) bad++;
    free(g.scratch);
    ctx.threads = 3;                                                    /* same bits for another number of threads */
    g.c = again;
    g.scratch = aligned_alloc(64, (size_t)FN(gemm_scratch)(&ctx, &g) / 64 * 64 + 64);
    FN(gemm)(&ctx, &g);
    if (memcmp(c, again, (size_t)(m * c_row) * sizeof(real)) != 0) bad++;
    if (bad && failures++ < 20) printf("f%d m %td n %td k %td mode %d: %d wrong\n", (int)sizeof(real) * 8, m, n, k, mode, bad);
    free(a); free(b); free(bias); free(c); free(before); free(again); free(packed); free(g.scratch);
}

static void R(check)(void)
{
    const isize mr = FN(GEMM_MR), nr = FN(GEMM_NR);
    for (isize m = 0; m <= 2 * mr + 1; m++)                             /* every row remainder against every kind of column remainder */
        for (isize n = 0; n <= 2 * nr + 1; n += n % (nr / 2) == 0 || n % (nr / 2) == nr / 2 - 1 ? 1 : nr / 4 - 1)
            R(check_one)(m, n, (m + n) % 7, (int)(random_unit() * 64 + 64));
    for (isize n = 1; n <= 5 * nr; n++) R(check_one)(1 + n % 3, n, 9, (int)(random_unit() * 64 + 64));
    const isize sizes[] = { 1, 5, mr, 4 * mr + 3, 9 * mr + 1 }, inner[] = { 0, 1, 4, 31, 129, 300 }, columns[] = { 1, 3, nr / 2, nr - 1, 3 * nr + 2, 9 * nr };
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 6; j++)
            for (int p = 0; p < 6; p++)
                for (int mode = 0; mode < 8; mode++) R(check_one)(sizes[i], columns[j], inner[p], mode + 8 * ((i + j + p + mode) % 16));
    const isize blocks[][3] = { { 5, 1030, 3 }, { 4 * mr, 9, 1600 }, { 4 * mr, 600, 1100 }, { 1, 4 * 8 * nr + 1, 30 }, { 1, 1100, 21 }, { 9, 70, 512 } };
    for (int i = 0; i < 6; i++)                                         /* past the largest blocks; rows a power of two apart */
        for (int mode = 0; mode < 4; mode++) R(check_one)(blocks[i][0], blocks[i][1], blocks[i][2], mode + 8 * (i + mode));
    const isize far[][3] = { { 2 * mr + 1, 300, 512 }, { 49, 700, 1024 }, { 20, 260, 300 }, { mr + 1, 100, 3072 } };
    for (int i = 0; i < 4; i++)                                         /* large weights packed before: by panels, A as it lies or copied */
        for (int mode = 4; mode < 8; mode++) R(check_one)(far[i][0], far[i][1], far[i][2], mode + 8 * (i + mode));
    for (int mode = 0; mode < 4; mode++) R(check_one)(133, 122, 91, mode + 8 + 32);    /* large enough for several threads */
    R(check_one)(1, 1100, 1000, 8);
    R(check_one)(1100, 1, 1000, 8);
    R(check_one)(2, 1100, 600, 2);
}
#undef R
#undef EPSILON
#endif
