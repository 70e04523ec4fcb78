#ifndef real
#include "internal.h"
#include "gemm.h"
#include "dense.h"
#define EACH_REAL "dense.c"
#include "each_real.h"
#else

static FN(gemm_args) FN(forward_product)(const FN(dense_forward_args) *a)
{
    return (FN(gemm_args)){
        .scratch = a->scratch, .m = a->n, .n = a->units, .k = a->d_in, .a = a->x, .a_row = a->d_in, .a_col = 1,
        .b = a->prepared ? a->prepared : a->weight, .b_row = a->units, .b_col = 1, .b_packed = a->prepared != NULL, .bias = a->bias,
        .activation = a->relu ? GEMM_RELU : GEMM_LINEAR, .c = a->y, .c_row = a->units
    };
}
pydl_status FN(dense_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(gemm_args) product = FN(forward_product)(args);
    return FN(gemm)(ctx, &product);
}
isize FN(dense_forward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(gemm_args) product = FN(forward_product)(args);
    return FN(gemm_scratch)(ctx, &product);
}

static void FN(prepare_panels)(const void *data, isize first, isize last)
{
    const FN(dense_prepare_args) *a = data;
    FN(gemm_pack_panels)(a->weight, a->units, 1, a->d_in, a->units, first, last, a->prepared);
}
pydl_status FN(dense_prepare)(const pydl_ctx *ctx, const void *args)
{
    const FN(dense_prepare_args) *a = args;
    run_parts(ctx, a->d_in * a->units > PARALLEL_MIN, ceil_div(a->units, FN(GEMM_NR)), 8, FN(prepare_panels), a);
    return PYDL_OK;
}
pydl_status FN(dense_prepared_size)(const pydl_ctx *ctx, const void *args)
{
    const FN(dense_prepared_size_args) *a = args;
    const FN(dense_forward_args) call = { .n = a->n, .d_in = a->d_in, .units = a->units };
    const FN(gemm_args) product = FN(forward_product)(&call);
    (void)ctx;
    *a->size = FN(gemm_prepared_size)(&product);
    return PYDL_OK;
}

/* dbias of up to COLUMNS columns. */
enum { FN(COLUMNS) = 64 };
static void FN(bias_part)(const void *args, isize first, isize stop)
{
    const FN(dense_backward_weight_args) *a = args;
    const real *dy = a->dy;
    const isize n = a->n, units = a->units, count = stop - first;
    double sum[FN(COLUMNS)] = { 0 };
    if (count == FN(COLUMNS))
        for (isize i = 0; i < n; i++)
            for (isize j = 0; j < FN(COLUMNS); j++) sum[j] += (double)dy[i * units + first + j];
    else
        for (isize i = 0; i < n; i++)
            for (isize j = 0; j < count; j++) sum[j] += (double)dy[i * units + first + j];
    for (isize j = 0; j < count; j++) a->dbias[first + j] = (real)sum[j];
}

static FN(gemm_args) FN(weight_product)(const FN(dense_backward_weight_args) *a)
{
    return (FN(gemm_args)){
        .scratch = a->scratch, .m = a->d_in, .n = a->units, .k = a->n, .a = a->x, .a_row = 1, .a_col = a->d_in,
        .b = a->dy, .b_row = a->units, .b_col = 1, .c = a->dweight, .c_row = a->units
    };
}
pydl_status FN(dense_backward_weight)(const pydl_ctx *ctx, const void *args)
{
    const FN(dense_backward_weight_args) *a = args;
    if (a->dbias) run_parts(ctx, a->n * a->units > PARALLEL_MIN, a->units, FN(COLUMNS), FN(bias_part), a);
    if (!a->dweight) return PYDL_OK;
    const FN(gemm_args) product = FN(weight_product)(a);
    return FN(gemm)(ctx, &product);
}
isize FN(dense_backward_weight_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(gemm_args) product = FN(weight_product)(args);
    return FN(gemm_scratch)(ctx, &product);
}

static FN(gemm_args) FN(input_product)(const FN(dense_backward_input_args) *a)
{
    return (FN(gemm_args)){
        .scratch = a->scratch, .m = a->n, .n = a->d_in, .k = a->units, .a = a->dy, .a_row = a->units, .a_col = 1,
        .b = a->weight, .b_row = 1, .b_col = a->units, .c = a->dx, .c_row = a->d_in
    };
}
pydl_status FN(dense_backward_input)(const pydl_ctx *ctx, const void *args)
{
    const FN(gemm_args) product = FN(input_product)(args);
    return FN(gemm)(ctx, &product);
}
isize FN(dense_backward_input_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(gemm_args) product = FN(input_product)(args);
    return FN(gemm_scratch)(ctx, &product);
}
#endif
