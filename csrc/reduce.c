#ifndef real
#include "internal.h"
#include "reduce.h"

/* Elements a partial result stands for, and columns a task takes side by side. */
enum { RUN = 32768, TILE = 128 };

/* Where element `flat` of axes (shape) lies: sum of index times stride. */
static isize offset_of(isize flat, isize ndim, const isize *shape, const isize *stride)
{
    isize offset = 0;
    for (isize d = ndim - 1; d >= 0; d--) {
        offset += flat % shape[d] * stride[d];
        flat /= shape[d];
    }
    return offset;
}

static isize product(isize ndim, const isize *shape)
{
    isize n = 1;
    for (isize d = 0; d < ndim; d++) n *= shape[d];
    return n;
}

#define EACH_REAL "reduce.c"
#include "each_real.h"
#else

/* How the work is cut.  A task has up to `tile` neighbouring results along the last kept axis.  If that is contiguous in x it goes
   down the rows ("columns"), else along the contiguous reduced axis, one result after the other. */
typedef struct {
    isize results, count;       /* results, and elements of x behind each */
    isize width, tile, tiles;   /* length of the last kept axis, results a task, tasks along that axis */
    isize run, runs;            /* elements of each result a task takes, tasks a result */
    int columns;
} FN(reduce_plan);
typedef struct { const FN(reduce_args) *args; FN(reduce_plan) plan; } FN(reduce_task);

static FN(reduce_plan) FN(plan_of)(const FN(reduce_args) *a)
{
    FN(reduce_plan) p;
    const isize last = a->kept_ndim - 1;
    p.results = product(a->kept_ndim, a->kept_shape);
    p.count = product(a->reduced_ndim, a->reduced_shape);
    p.columns = a->kept_stride[last] == 1 && a->kept_shape[last] > 1;
    p.width = max_isize(a->kept_shape[last], 1);
    p.tile = min_isize(p.width, p.columns ? TILE : min_isize(max_isize(RUN / max_isize(p.count, 1), 1), TILE));
    p.tiles = ceil_div(p.width, p.tile);
    p.run = p.columns ? max_isize(RUN / p.tile, 1) : RUN;
    p.runs = max_isize(ceil_div(p.count, p.run), 1);
    return p;
}

/* ---- along a contiguous run: f(x[0 .. n)) ---- */

static double FN(sum_along)(const real *x, isize n)
{
    double sum = 0;
    #pragma omp simd reduction(+ : sum)
    for (isize i = 0; i < n; i++) sum += (double)x[i];
    return sum;
}

static double FN(product_along)(const real *x, isize n)
{
    double product = 1;
    #pragma omp simd reduction(* : product)
    for (isize i = 0; i < n; i++) product *= (double)x[i];
    return product;
}

static real FN(max_along)(const real *x, isize n)
{
    real largest = -(real)INFINITY;
    int nans = 0;
    #pragma omp simd reduction(max : largest) reduction(+ : nans)
    for (isize i = 0; i < n; i++) {
        largest = x[i] > largest ? x[i] : largest;
        nans += x[i] != x[i];
    }
    return nans ? (real)NAN : largest;
}

static real FN(min_along)(const real *x, isize n)
{
    real smallest = (real)INFINITY;
    int nans = 0;
    #pragma omp simd reduction(min : smallest) reduction(+ : nans)
    for (isize i = 0; i < n; i++) {
        smallest = x[i] < smallest ? x[i] : smallest;
        nans += x[i] != x[i];
    }
    return nans ? (real)NAN : smallest;
}

/* A reduction by its accumulator's type, its start, its function of a run, and how an accumulator p takes in a q. */
#ifndef REDUCTION
#define REDUCTION(name, acc_t, nothing, along, merged)                                                                          \
    /* acc[j] takes in x[r * stride + j], r < rows, j < width.  Narrow rows that lie close are taken several at a time. */      \
    static void FN(name##_down)(const real *x, isize rows, isize stride, isize width, acc_t *acc)                               \
    {                                                                                                                           \
        isize r = 0, side = stride == width ? TILE / 2 / width : 0;                                                             \
        if (side > 1 && rows >= 2 * side) {                                                                                     \
            acc_t wide[TILE];                                                                                                   \
            const isize across = side * width;                                                                                  \
            for (isize j = 0; j < across; j++) wide[j] = nothing;                                                               \
            for (; r + side <= rows; r += side) {                                                                               \
                const real *row = x + r * stride;                                                                               \
                _Pragma("omp simd") for (isize j = 0; j < across; j++) { const acc_t p = wide[j], q = row[j]; wide[j] = merged; } \
            }                                                                                                                   \
            for (isize j = 0; j < across; j++) { const acc_t p = acc[j % width], q = wide[j]; acc[j % width] = merged; }        \
        }                                                                                                                       \
        for (; r < rows; r++) {                                                                                                 \
            const real *row = x + r * stride;                                                                                   \
            _Pragma("omp simd") for (isize j = 0; j < width; j++) { const acc_t p = acc[j], q = row[j]; acc[j] = merged; }      \
        }                                                                                                                       \
    }                                                                                                                           \
                                                                                                                                \
    /* acc[0 .. width) = f over the elements start .. stop of the reduced axes, for the results that begin at x. */             \
    static void FN(name##_task)(const FN(reduce_args) *a, const real *x, int columns, isize width, isize start, isize stop, acc_t *acc) \
    {                                                                                                                           \
        const isize last = a->reduced_ndim - 1, length = a->reduced_shape[last], stride = a->reduced_stride[last];              \
        const isize step = a->kept_stride[a->kept_ndim - 1];                                                                    \
        for (isize j = 0; j < width; j++) acc[j] = nothing;                                                                     \
        while (start < stop) {                                                                                                  \
            const isize column = start % length, n = min_isize(length - column, stop - start);                                  \
            const real *from = x + offset_of(start, a->reduced_ndim, a->reduced_shape, a->reduced_stride);                      \
            if (columns) FN(name##_down)(from, n, stride, width, acc);                                                          \
            else                                                                                                                \
                for (isize j = 0; j < width; j++) { const acc_t p = acc[j], q = along(from + j * step, n); acc[j] = merged; }   \
            start += n;                                                                                                         \
        }                                                                                                                       \
    }                                                                                                                           \
                                                                                                                                \
    static void FN(name##_part)(const void *task_, isize start, isize stop)                                                     \
    {                                                                                                                           \
        const FN(reduce_task) *t = task_;                                                                                       \
        const FN(reduce_args) *a = t->args;                                                                                     \
        const FN(reduce_plan) plan = t->plan;                                                                                   \
        acc_t *partial = a->scratch;                   /* (runs, results) */                                                    \
        for (isize task = start; task < stop; task++) {                                                                         \
            const isize run = task % plan.runs, tile = task / plan.runs % plan.tiles, row = task / plan.runs / plan.tiles;      \
            const isize first = row * plan.width + tile * plan.tile, width = min_isize(plan.tile, plan.width - tile * plan.tile);\
            const real *x = a->x + offset_of(first, a->kept_ndim, a->kept_shape, a->kept_stride);                               \
            acc_t acc[TILE];                                                                                                    \
            FN(name##_task)(a, x, plan.columns, width, run * plan.run, min_isize((run + 1) * plan.run, plan.count), acc);       \
            for (isize j = 0; j < width; j++) {                                                                                 \
                if (plan.runs == 1) a->y[first + j] = (real)((acc_t)a->scale * acc[j]);                                         \
                else partial[run * plan.results + first + j] = acc[j];                                                          \
            }                                                                                                                   \
        }                                                                                                                       \
    }                                                                                                                           \
                                                                                                                                \
    pydl_status FN(name)(const pydl_ctx *ctx, const void *args)                                                                 \
    {                                                                                                                           \
        const FN(reduce_args) *a = args;                                                                                        \
        const FN(reduce_plan) plan = FN(plan_of)(a);                                                                            \
        const isize tasks = plan.results / plan.width * plan.tiles * plan.runs;                                                 \
        const acc_t *partial = a->scratch;                                                                                      \
        run_parts(ctx, plan.results * plan.count > PARALLEL_MIN, tasks, 1, FN(name##_part), &(FN(reduce_task)){ a, plan });     \
        if (plan.runs == 1) return PYDL_OK;                                                                                     \
        for (isize i = 0; i < plan.results; i++) {                                                                              \
            acc_t total = nothing;                                                                                              \
            for (isize run = 0; run < plan.runs; run++) { const acc_t p = total, q = partial[run * plan.results + i]; total = merged; }\
            a->y[i] = (real)((acc_t)a->scale * total);                                                                          \
        }                                                                                                                       \
        return PYDL_OK;                                                                                                         \
    }                                                                                                                           \
                                                                                                                                \
    isize FN(name##_scratch)(const pydl_ctx *ctx, const void *args)                                                             \
    {                                                                                                                           \
        const FN(reduce_plan) plan = FN(plan_of)(args);                                                                         \
        (void)ctx;                                                                                                              \
        return plan.runs == 1 ? 0 : plan.runs * plan.results * (isize)sizeof(acc_t);                                            \
    }
#endif

REDUCTION(reduce_sum, double, 0, FN(sum_along), p + q)
REDUCTION(reduce_product, double, 1, FN(product_along), p * q)
REDUCTION(reduce_max, real, -(real)INFINITY, FN(max_along), q > p ? q : q == q ? p : q)     /* q == q: false for a NaN */
REDUCTION(reduce_min, real, (real)INFINITY, FN(min_along), q < p ? q : q == q ? p : q)

/* ---- where the extreme is ---- */

/* The first position of `value` in x, of a NaN if it is one; it is there.  Whole strips are passed over without a branch inside. */
static isize FN(first_of)(const real *x, real value, isize n)
{
    enum { strip = 64 };
    isize start = 0;
    for (; start + strip <= n; start += strip) {
        int found = 0;
        #pragma omp simd reduction(| : found)
        for (isize i = 0; i < strip; i++) found |= (x[start + i] == value) | ((value != value) & (x[start + i] != x[start + i]));
        if (found) break;
    }
    while (!(x[start] == value || (value != value && x[start] != x[start]))) start++;
    return start;
}

/* `better`: of the element x over the best so far; a NaN is better than anything but a NaN. */
#ifndef ARG_EXTREME
#define ARG_EXTREME(name, along, better)                                                                                        \
    static void FN(name##_column)(const real *column, isize length, isize inner, isize width, int32_t *index)                   \
    {                                                                                                                           \
        real best_of[TILE];                                                                                                     \
        for (isize j = 0; j < width; j++) { best_of[j] = column[j]; index[j] = 0; }                                             \
        for (isize k = 1; k < length; k++)                                                                                      \
            for (isize j = 0; j < width; j++) {                                                                                 \
                const real x = column[k * inner + j], best = best_of[j];                                                        \
                const int wins = (better) || (x != x && best == best);                                                          \
                best_of[j] = wins ? x : best;                                                                                   \
                index[j] = wins ? (int32_t)k : index[j];                                                                        \
            }                                                                                                                   \
    }                                                                                                                           \
    static void FN(name##_rows)(const void *args, isize start, isize stop)                                                      \
    {                                                                                                                           \
        const FN(argmax_args) *a = args;                                                                                        \
        const real *x = a->x + start * a->length;                                                                               \
        for (isize r = start; r < stop; r++, x += a->length) a->index[r] = (int32_t)FN(first_of)(x, along(x, a->length), a->length);\
    }                                                                                                                           \
    static void FN(name##_tiles)(const void *args, isize start, isize stop)                                                     \
    {                                                                                                                           \
        const FN(argmax_args) *a = args;                                                                                        \
        const isize tiles = ceil_div(a->inner, TILE);                                                                           \
        for (isize task = start; task < stop; task++) {                                                                         \
            const isize o = task / tiles, first = task % tiles * TILE;                                                          \
            FN(name##_column)(a->x + o * a->length * a->inner + first, a->length, a->inner, min_isize(TILE, a->inner - first),  \
                              a->index + o * a->inner + first);                                                                 \
        }                                                                                                                       \
    }                                                                                                                           \
    pydl_status FN(name)(const pydl_ctx *ctx, const void *args)                                                                 \
    {                                                                                                                           \
        const FN(argmax_args) *a = args;                                                                                        \
        const int worth = a->outer * a->length * a->inner > PARALLEL_MIN;                                                       \
        if (a->inner == 1) return run_parts(ctx, worth, a->outer, max_isize(BLOCK / a->length, 1), FN(name##_rows), a);         \
        return run_parts(ctx, worth, a->outer * ceil_div(a->inner, TILE), 1, FN(name##_tiles), a);                              \
    }
#endif

ARG_EXTREME(argmax, FN(max_along), x > best)
ARG_EXTREME(argmin, FN(min_along), x < best)
#endif
