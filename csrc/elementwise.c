#ifndef real
#include "internal.h"
#include "vecmath.h"
#include "elementwise.h"

static void and_part(const void *args, isize start, isize stop)
{
    const LEVEL_FN(logical_args) *a = args;
    const uint8_t *x = a->x, *y = a->y;
    uint8_t *z = a->z;
    #pragma omp simd
    for (isize i = start; i < stop; i++) z[i] = x[i] & y[i];
}
pydl_status LEVEL_FN(logical_and)(const pydl_ctx *ctx, const void *args)
{
    const LEVEL_FN(logical_args) *a = args;
    return run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, and_part, a);
}

static void or_part(const void *args, isize start, isize stop)
{
    const LEVEL_FN(logical_args) *a = args;
    const uint8_t *x = a->x, *y = a->y;
    uint8_t *z = a->z;
    #pragma omp simd
    for (isize i = start; i < stop; i++) z[i] = x[i] | y[i];
}
pydl_status LEVEL_FN(logical_or)(const pydl_ctx *ctx, const void *args)
{
    const LEVEL_FN(logical_args) *a = args;
    return run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, or_part, a);
}

static void not_part(const void *args, isize start, isize stop)
{
    const LEVEL_FN(logical_not_args) *a = args;
    const uint8_t *x = a->x;
    uint8_t *z = a->z;
    #pragma omp simd
    for (isize i = start; i < stop; i++) z[i] = x[i] ^ 1;
}
pydl_status LEVEL_FN(logical_not)(const pydl_ctx *ctx, const void *args)
{
    const LEVEL_FN(logical_not_args) *a = args;
    return run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, not_part, a);
}

#define EACH_REAL "elementwise.c"
#include "each_real.h"
#else

#if REAL_IS_FLOAT
#define C_MATH(name) name##f
#else
#define C_MATH(name) name
#endif

FORWARD(negative, -x)
FORWARD(reciprocal, 1 / x)
FORWARD(exp, FN(vec_exp)(x))
FORWARD(expm1, FN(vec_expm1)(x))
FORWARD(log, FN(vec_log)(x))
FORWARD(log1p, FN(vec_log1p)(x))
FORWARD(sqrt, FN(root)(x))
FORWARD(rsqrt, 1 / FN(root)(x))
FORWARD(square, x * x)
FORWARD(absolute, FN(magnitude)(x))
FORWARD(sign, x > 0 ? 1 : x < 0 ? -1 : x)
FORWARD(sin, C_MATH(sin)(x))
FORWARD(cos, C_MATH(cos)(x))
FORWARD(floor, C_MATH(floor)(x))
FORWARD(ceil, C_MATH(ceil)(x))
FORWARD(round, C_MATH(rint)(x))
FORWARD(scale, alpha * x)
FORWARD(power_number, C_MATH(pow)(x, alpha))

BACKWARD_FROM(y, reciprocal_backward, -dy * y * y)
BACKWARD_FROM(y, expm1_backward, dy * (y + 1))
BACKWARD_FROM(x, log1p_backward, dy / (1 + x))
BACKWARD_FROM(y, sqrt_backward, dy / (2 * y))
BACKWARD_FROM(y, rsqrt_backward, (real)-0.5 * dy * y * y * y)
BACKWARD_FROM(x, square_backward, 2 * dy * x)
BACKWARD_FROM(x, absolute_backward, x > 0 ? dy : x < 0 ? -dy : 0)
BACKWARD_FROM(x, sin_backward, dy * C_MATH(cos)(x))
BACKWARD_FROM(x, cos_backward, -dy * C_MATH(sin)(x))
BACKWARD_FROM(x, power_number_backward, alpha == 0 ? 0 : dy * alpha * C_MATH(pow)(x, alpha - 1))

static void FN(clip_part)(const void *args, isize start, isize stop)
{
    const FN(clip_args) *a = args;
    const real *x = a->x, low = (real)a->low, high = (real)a->high;
    real *y = a->y;
    #pragma omp simd
    for (isize i = start; i < stop; i++) y[i] = x[i] < low ? low : x[i] > high ? high : x[i];
}

pydl_status FN(clip)(const pydl_ctx *ctx, const void *args)
{
    const FN(clip_args) *a = args;
    return run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, FN(clip_part), a);
}

static void FN(clip_back_part)(const void *args, isize start, isize stop)
{
    const FN(clip_backward_args) *a = args;
    const real *dy = a->dy, *x = a->x, low = (real)a->low, high = (real)a->high;
    real *dx = a->dx;
    #pragma omp simd
    for (isize i = start; i < stop; i++) dx[i] = x[i] < low ? 0 : x[i] > high ? 0 : dy[i];
}

pydl_status FN(clip_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(clip_backward_args) *a = args;
    return run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, FN(clip_back_part), a);
}

static void FN(where_core)(const uint8_t *mask, const real *x, isize x_step, const real *y, isize y_step, real *z, isize n)
{
    if (x_step && y_step) {
        #pragma omp simd
        for (isize i = 0; i < n; i++) z[i] = mask[i] ? x[i] : y[i];
    } else if (x_step) {
        const real other = *y;
        #pragma omp simd
        for (isize i = 0; i < n; i++) z[i] = mask[i] ? x[i] : other;
    } else if (y_step) {
        const real chosen = *x;
        #pragma omp simd
        for (isize i = 0; i < n; i++) z[i] = mask[i] ? chosen : y[i];
    } else {
        const real chosen = *x, other = *y;
        #pragma omp simd
        for (isize i = 0; i < n; i++) z[i] = mask[i] ? chosen : other;
    }
}

static void FN(where_part)(const void *args, isize start, isize stop)
{
    const FN(where_args) *a = args;
    FN(where_core)(a->mask + start, a->x + start * a->x_step, a->x_step, a->y + start * a->y_step, a->y_step, a->z + start, stop - start);
}
pydl_status FN(where)(const pydl_ctx *ctx, const void *args)
{
    const FN(where_args) *a = args;
    return run_parts(ctx, a->n > PARALLEL_MIN, a->n, BLOCK, FN(where_part), a);
}

/* ---- two arrays, broadcast ---- */

/* One run along the last axis; strides 0 or 1. */
typedef void FN(binary_core)(const real *x, isize x_stride, const real *y, isize y_stride, void *z, isize n);

/* Elements start .. stop of z, counted in memory order, run by run. */
typedef struct { const FN(binary_args) *args; FN(binary_core) *core; isize z_size; } FN(binary_task);
static void FN(binary_part)(const void *task, isize start, isize stop)
{
    const FN(binary_task) *t = task;
    const FN(binary_args) *a = t->args;
    const isize last = a->ndim - 1, length = a->shape[last];
    isize index[PYDL_MAX_DIMS], x_offset = 0, y_offset = 0;
    isize row = start / length, column = start % length;
    for (isize d = last - 1; d >= 0; d--) {
        index[d] = row % a->shape[d];
        row /= a->shape[d];
        x_offset += index[d] * a->x_stride[d];
        y_offset += index[d] * a->y_stride[d];
    }
    while (start < stop) {
        isize n = min_isize(length - column, stop - start);
        t->core(a->x + x_offset + column * a->x_stride[last], a->x_stride[last], a->y + y_offset + column * a->y_stride[last], a->y_stride[last],
                (char *)a->z + start * t->z_size, n);
        start += n;
        column = 0;
        for (isize d = last - 1; d >= 0; d--) {
            x_offset += a->x_stride[d];
            y_offset += a->y_stride[d];
            if (++index[d] < a->shape[d]) break;
            x_offset -= a->shape[d] * a->x_stride[d];
            y_offset -= a->shape[d] * a->y_stride[d];
            index[d] = 0;
        }
    }
}

static pydl_status FN(binary)(const pydl_ctx *ctx, const FN(binary_args) *a, FN(binary_core) *core, isize z_size)
{
    isize size = 1;
    for (isize d = 0; d < a->ndim; d++) size *= a->shape[d];
    return run_parts(ctx, size > PARALLEL_MIN, size, BLOCK, FN(binary_part), &(FN(binary_task)){ a, core, z_size });
}

/* A kernel by its formula in p and q; `type` is what z holds. */
#ifndef BINARY
#define BINARY(name, type, formula)                                                                                             \
    static void FN(name##_core)(const real *x, isize x_stride, const real *y, isize y_stride, void *z_, isize n)                \
    {                                                                                                                           \
        type *z = z_;                                                                                                           \
        if (x_stride && y_stride) {                                                                                             \
            _Pragma("omp simd") for (isize i = 0; i < n; i++) { const real p = x[i], q = y[i]; z[i] = (type)(formula); }        \
        } else if (x_stride) {                                                                                                  \
            const real q = *y;                                                                                                  \
            _Pragma("omp simd") for (isize i = 0; i < n; i++) { const real p = x[i]; z[i] = (type)(formula); }                  \
        } else {                              /* or both strides are 0, and n is 1 */                                               \
            const real p = *x;                                                                                                  \
            _Pragma("omp simd") for (isize i = 0; i < n; i++) { const real q = y[i]; z[i] = (type)(formula); }                  \
        }                                                                                                                       \
    }                                                                                                                           \
    pydl_status FN(name)(const pydl_ctx *ctx, const void *args) { return FN(binary)(ctx, args, FN(name##_core), sizeof(type)); }
#endif

BINARY(add, real, p + q)
BINARY(subtract, real, p - q)
BINARY(multiply, real, p * q)
BINARY(divide, real, p / q)
BINARY(power, real, C_MATH(pow)(p, q))
BINARY(maximum, real, p > q ? p : p == p ? q : p)     /* p == p: false for a NaN */
BINARY(minimum, real, p < q ? p : p == p ? q : p)
BINARY(floor_divide, real, C_MATH(floor)(p / q))
BINARY(equal, uint8_t, p == q)
BINARY(not_equal, uint8_t, p != q)
BINARY(greater, uint8_t, p > q)
BINARY(greater_equal, uint8_t, p >= q)

#undef C_MATH
#endif
