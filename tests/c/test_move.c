/* Copies between strided views, casts at their limits, rows by index with a bad one named. */
#ifndef real
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include "internal.h"
#include "move.h"

static pydl_fault fault;
static const pydl_blas blas;
static const pydl_ctx ctx = {.threads = 2, .blas = &blas, .fault = &fault};

/* y (shape) contiguous from x with these strides; then back with strided y: the two are adjoint, so the round trip gives x. */
static void check_view(isize itemsize, isize ndim, const isize *shape, const isize *stride, isize offset, isize x_size)
{
    isize n = 1, step = 1;
    LEVEL_FN(strided_copy_args) a = {.itemsize = itemsize, .ndim = ndim};
    for (isize d = ndim - 1; d >= 0; d--) {
        a.shape[d] = shape[d];
        a.x_stride[d] = stride[d];
        a.y_stride[d] = step;
        step *= shape[d];
        n *= shape[d];
    }
    unsigned char *x = malloc((size_t)(x_size * itemsize)), *y = malloc((size_t)max_isize(n * itemsize, 1)), *back = calloc((size_t)(x_size * itemsize), 1);
    for (isize i = 0; i < x_size * itemsize; i++) x[i] = (unsigned char)(i * 131 % 251 + 1);
    a.x = x + offset * itemsize;
    a.y = y;
    assert(LEVEL_FN(strided_copy)(&ctx, &a) == PYDL_OK);
    LEVEL_FN(strided_copy_args) b = a;
    memcpy(b.x_stride, a.y_stride, sizeof b.x_stride);
    memcpy(b.y_stride, a.x_stride, sizeof b.y_stride);
    b.x = y;
    b.y = back + offset * itemsize;
    int repeats = 0;
    for (isize d = 0; d < ndim; d++) repeats |= stride[d] == 0 && shape[d] > 1;
    if (!repeats) assert(LEVEL_FN(strided_copy)(&ctx, &b) == PYDL_OK);
    for (isize i = 0; i < n; i++) {
        isize rest = i, from = offset;
        for (isize d = ndim - 1; d >= 0; d--) { from += rest % shape[d] * stride[d]; rest /= shape[d]; }
        assert(memcmp(y + i * itemsize, x + from * itemsize, (size_t)itemsize) == 0);
        if (!repeats) assert(memcmp(back + from * itemsize, x + from * itemsize, (size_t)itemsize) == 0);
    }
    free(x); free(y); free(back);
}

static void check_copies(void)
{
    for (isize itemsize = 1; itemsize <= 8; itemsize *= 2) {
        if (itemsize == 2) continue;
        check_view(itemsize, 1, (isize[]){7}, (isize[]){1}, 0, 7);
        check_view(itemsize, 1, (isize[]){7}, (isize[]){-1}, 6, 7);
        check_view(itemsize, 1, (isize[]){5}, (isize[]){0}, 2, 7);
        check_view(itemsize, 2, (isize[]){3, 4}, (isize[]){1, 3}, 0, 12);
        check_view(itemsize, 2, (isize[]){65, 33}, (isize[]){1, 65}, 0, 65 * 33);                  /* squares of 32 */
        check_view(itemsize, 2, (isize[]){32, 32}, (isize[]){1, 32}, 0, 32 * 32);
        check_view(itemsize, 3, (isize[]){4, 60, 50}, (isize[]){3000, 1, 60}, 0, 12000);
        check_view(itemsize, 3, (isize[]){300, 7, 20}, (isize[]){1, 6000, 300}, 0, 42000);
        check_view(itemsize, 3, (isize[]){40, 30, 50}, (isize[]){50, 2000, 1}, 0, 60000);          /* shared by two threads */
        check_view(itemsize, 3, (isize[]){2, 3, 4}, (isize[]){40, -8, 2}, 17, 80);
        check_view(itemsize, 2, (isize[]){3, 9000}, (isize[]){9000, 1}, 0, 27000);                  /* pieces of 4096 */
        check_view(itemsize, 2, (isize[]){3, 9000}, (isize[]){1, 0}, 0, 3);
        check_view(itemsize, 2, (isize[]){0, 5}, (isize[]){5, 1}, 0, 5);
        check_view(itemsize, 2, (isize[]){5, 0}, (isize[]){1, 1}, 0, 5);
    }
}

static void check_fill(void)
{
    float y[5] = {0};
    const float value = 2.5f;
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    assert(LEVEL_FN(fill)(&ctx, &(LEVEL_FN(fill_args)){bits, 4, 4, y}) == PYDL_OK);
    assert(y[0] == 2.5f && y[3] == 2.5f && y[4] == 0);
    assert(LEVEL_FN(fill)(&ctx, &(LEVEL_FN(fill_args)){0, 4, 3, y}) == PYDL_OK && y[2] == 0 && y[3] == 2.5f);
    uint8_t b[3] = {0};
    assert(LEVEL_FN(fill)(&ctx, &(LEVEL_FN(fill_args)){1, 1, 2, b}) == PYDL_OK && b[0] == 1 && b[1] == 1 && b[2] == 0);
}

static void check_casts(void)
{
    enum { F32, F64, I32, I64, U8, BOOL, N = 9 };
    const double x[N] = {0, -1.9, 1.9, 3e9, -3e9, 1e30, -1e30, NAN, 200.5};
    float f[N];
    int32_t i[N];
    int64_t q[N];
    uint8_t u[N], b[N];
    assert(LEVEL_FN(cast)(&ctx, &(LEVEL_FN(cast_args)){x, F64, F32, N, f}) == PYDL_OK && f[1] == -1.9f && isnan(f[7]));
    assert(LEVEL_FN(cast)(&ctx, &(LEVEL_FN(cast_args)){x, F64, I32, N, i}) == PYDL_OK);
    assert(i[0] == 0 && i[1] == -1 && i[2] == 1 && i[3] == INT32_MAX && i[4] == INT32_MIN && i[7] == 0 && i[8] == 200);
    assert(LEVEL_FN(cast)(&ctx, &(LEVEL_FN(cast_args)){x, F64, I64, N, q}) == PYDL_OK);
    assert(q[3] == 3000000000 && q[4] == -3000000000 && q[5] == INT64_MAX && q[6] == INT64_MIN && q[7] == 0);
    assert(LEVEL_FN(cast)(&ctx, &(LEVEL_FN(cast_args)){x, F64, U8, N, u}) == PYDL_OK && u[1] == 0 && u[3] == 255 && u[7] == 0 && u[8] == 200);
    assert(LEVEL_FN(cast)(&ctx, &(LEVEL_FN(cast_args)){x, F64, BOOL, N, b}) == PYDL_OK && b[0] == 0 && b[1] == 1 && b[7] == 1);
    assert(LEVEL_FN(cast)(&ctx, &(LEVEL_FN(cast_args)){f, F32, I32, N, i}) == PYDL_OK && i[3] == INT32_MAX && i[7] == 0);
    assert(LEVEL_FN(cast)(&ctx, &(LEVEL_FN(cast_args)){q, I64, I32, N, i}) == PYDL_OK && i[1] == -1);
    assert(LEVEL_FN(cast)(&ctx, &(LEVEL_FN(cast_args)){b, BOOL, F32, N, f}) == PYDL_OK && f[0] == 0 && f[1] == 1);
    assert(LEVEL_FN(cast)(&ctx, &(LEVEL_FN(cast_args)){u, U8, I64, N, q}) == PYDL_OK && q[8] == 200);
    assert(LEVEL_FN(cast)(&ctx, &(LEVEL_FN(cast_args)){i, I32, BOOL, N, b}) == PYDL_OK && b[0] == 0 && b[8] == 1);
}

static void check_take(void)
{
    const int32_t x[3][2] = {{1, 2}, {3, 4}, {5, 6}};
    int32_t y[4][2];
    const int64_t good[] = {2, 0, 0, 1}, bad[] = {2, 0, 3, -1};
    assert(LEVEL_FN(take_rows)(&ctx, &(LEVEL_FN(take_rows_args)){x, 3, 8, good, 8, 4, y}) == PYDL_OK);
    assert(y[0][0] == 5 && y[1][1] == 2 && y[2][0] == 1 && y[3][1] == 4);
    assert(LEVEL_FN(take_rows)(&ctx, &(LEVEL_FN(take_rows_args)){x, 3, 8, bad, 8, 4, y}) == PYDL_BAD_INDEX);
    assert(fault.where == 2 && fault.value == 3 && fault.limit == 3);
    assert(LEVEL_FN(take_rows)(&ctx, &(LEVEL_FN(take_rows_args)){x, 3, 8, (int32_t[]){-1}, 4, 1, y}) == PYDL_BAD_INDEX);
    assert(fault.where == 0 && fault.value == -1);
    assert(LEVEL_FN(take_rows)(&ctx, &(LEVEL_FN(take_rows_args)){x, 0, 8, good, 8, 0, y}) == PYDL_OK);
}

#define EACH_REAL "../tests/c/test_move.c"   /* seen from csrc/ */
#include "each_real.h"

int main(void)
{
    check_copies();
    check_fill();
    check_casts();
    check_take();
    PYDL_PASTE(pydl_, test_all, _f32, PYDL_LEVEL_TAIL)();
    PYDL_PASTE(pydl_, test_all, _f64, PYDL_LEVEL_TAIL)();
    puts("move: ok");
    return 0;
}
#else

/* dx by index against the same sum in the order of the indices; the same bits for any number of threads. */
static void FN(check_scatter)(isize n, isize rows, isize width)
{
    real *dy = malloc((size_t)max_isize(n * width, 1) * sizeof(real)), *dx = malloc((size_t)max_isize(rows * width, 1) * sizeof(real));
    real *want = calloc((size_t)max_isize(rows * width, 1), sizeof(real));
    int32_t *index = malloc((size_t)max_isize(n, 1) * sizeof *index);
    for (isize i = 0; i < n; i++) index[i] = (int32_t)(i * 7 % rows);
    for (isize i = 0; i < n * width; i++) dy[i] = (real)(i * 37 % 101) / 7;
    for (isize i = 0; i < n; i++)
        for (isize j = 0; j < width; j++) want[index[i] * width + j] += dy[i * width + j];
    for (int threads = 1; threads <= 4; threads++) {
        const pydl_ctx several = {.threads = threads, .blas = &blas, .fault = &fault};
        assert(FN(scatter_rows)(&several, &(FN(scatter_rows_args)){dy, index, 4, n, rows, width, dx}) == PYDL_OK);
        assert(memcmp(dx, want, (size_t)(rows * width) * sizeof(real)) == 0);
    }
    free(dy); free(dx); free(want); free(index);
}

/* The sums by rows against dx of the whole, for indices of both widths; scratch and results of exactly the right size. */
static void FN(check_sum_rows)(isize n, isize rows, isize width)
{
    real *dy = malloc((size_t)max_isize(n * width, 1) * sizeof(real)), *sums = malloc((size_t)max_isize(n * width, 1) * sizeof(real));
    real *dx = malloc((size_t)max_isize(rows * width, 1) * sizeof(real));
    int64_t *index = malloc((size_t)max_isize(n, 1) * sizeof *index), *found = malloc((size_t)max_isize(n, 1) * sizeof *found), count = -1;
    for (isize i = 0; i < n; i++) index[i] = (int64_t)(i * 7919 % rows);
    for (isize i = 0; i < n * width; i++) dy[i] = (real)(i * 37 % 101) / 7;
    assert(FN(scatter_rows)(&ctx, &(FN(scatter_rows_args)){dy, index, 8, n, rows, width, dx}) == PYDL_OK);
    FN(sum_rows_args) a = {.dy = dy, .index = index, .index_size = 8, .n = n, .limit = rows, .width = width, .rows = found, .count = &count, .sums = sums};
    a.scratch = malloc((size_t)FN(sum_rows_scratch)(&ctx, &a));
    assert(FN(sum_rows)(&ctx, &a) == PYDL_OK);
    isize distinct = 0;
    for (isize r = 0; r < rows; r++) {
        int there = 0;
        for (isize i = 0; i < n; i++) there |= index[i] == r;
        if (!there) continue;
        assert(found[distinct] == r && memcmp(sums + distinct * width, dx + r * width, (size_t)width * sizeof(real)) == 0);
        distinct++;
    }
    assert(count == distinct);
    if (n > 1) {
        index[1] = rows;
        assert(FN(sum_rows)(&ctx, &a) == PYDL_BAD_INDEX && fault.where == 1 && fault.limit == rows);
    }
    free(dy); free(sums); free(dx); free(index); free(found); free(a.scratch);
}

static void FN(test_all)(void)
{
    FN(check_sum_rows)(0, 3, 2);
    FN(check_sum_rows)(1, 1, 1);
    FN(check_sum_rows)(60, 40, 3);
    FN(check_sum_rows)(500, 5000, 17);
    FN(check_scatter)(5, 3, 2);
    FN(check_scatter)(500, 40, 100);
    FN(check_scatter)(0, 3, 20);
    FN(check_scatter)(9, 1, 1);
    real y[6];
    assert(FN(one_hot)(&ctx, &(FN(one_hot_args)){(int64_t[]){2, 0}, 8, 2, 3, y}) == PYDL_OK);
    assert(y[0] == 0 && y[1] == 0 && y[2] == 1 && y[3] == 1 && y[4] == 0 && y[5] == 0);
    assert(FN(one_hot)(&ctx, &(FN(one_hot_args)){(int64_t[]){2, 3}, 8, 2, 3, y}) == PYDL_BAD_INDEX && fault.where == 1 && fault.limit == 3);
}
#endif
