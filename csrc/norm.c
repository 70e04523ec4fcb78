/* Few channels make poor vectors, so `fold` rows are read as one row of fold * c columns where c < 128; the columns of one
   channel are put together at the end.  Columns go CHUNK at a time, in registers; rows in blocks of 64, and the blocks in at
   most GROUPS groups, whose sums meet in double, in order.

   Both passes over the data run in one parallel region, and the second walks backwards: it starts with
   what the first has just left in the cache. */
#ifndef real
#include "simd.h"
#include "vecmath.h"
#include "norm.h"

#define CORE static inline __attribute__((always_inline)) void    /* copies with a constant number of columns keep their sums in registers */
#define CHUNK (SIMD_REGISTERS == 32 ? 64 : 32)     /* columns whose sums and settings fit the registers */
#define FOLDED 64                                  /* columns wanted of rows read as one */
#define ROWS 64
#define FAR_ROWS 16                                /* of a block on its way past the caches */
#define GROUPS 64
#define PIECE 32768                                /* elements: shorter ones, taken backwards, lose the memory's read-ahead (1.6x at 32x56x56x64) */

/* How (rows, c) is split: by shape alone. */
typedef struct {
    isize fold, width;          /* rows read as one; their columns */
    isize tall, rest;           /* such rows; rows of c columns left over */
    isize group_rows, groups;   /* rows of a group, a multiple of ROWS; groups of the tall part */
    isize parts;                /* groups, and one more for the rest */
    isize piece_rows;           /* rows of a piece */
    isize span, spans;          /* columns of a task, fewer where there are not groups enough to share; how many such */
} split;

static split split_of(isize rows, isize c)
{
    isize fold = 1;
    if (c < 128) {
        while (fold < FOLDED && fold * c % FOLDED) fold *= 2;
        if (rows < 8 * fold) fold = 1;
    }
    split s = { .fold = fold, .width = fold * c, .tall = rows / fold, .rest = rows % fold };
    s.group_rows = ROWS * max_isize(1, ceil_div(ceil_div(s.tall, ROWS), GROUPS));
    s.groups = ceil_div(s.tall, s.group_rows);
    s.parts = s.groups + (s.rest > 0);
    s.piece_rows = max_isize(8, PIECE / max_isize(s.width, 1));
    s.span = s.groups < 8 ? min_isize(s.width, 128) : s.width;
    s.spans = s.width ? ceil_div(s.width, s.span) : 0;
    return s;
}

/* Rows in part g. */
static inline isize part_rows(const split *s, isize g)
{
    return g == s->groups ? s->rest : min_isize(s->group_rows, s->tall - g * s->group_rows);
}

/* The data as pieces of contiguous rows, for the passes that treat every row alike; the rest is the last piece. */
typedef struct { isize at, rows, width; } piece;

static inline isize pieces(const split *s) { return ceil_div(s->tall, s->piece_rows) + (s->rest > 0); }

static inline piece piece_of(const split *s, isize i)
{
    if (i * s->piece_rows >= s->tall) return (piece){ s->tall * s->width, s->rest, s->width / s->fold };
    return (piece){ i * s->piece_rows * s->width, min_isize(s->piece_rows, s->tall - i * s->piece_rows), s->width };
}

static inline int norm_parallel(isize rows, isize c) { return rows > 1 && rows * c > PARALLEL_MIN; }

#define EACH_REAL "norm.c"
#include "each_real.h"
#else

/* What a channel's columns need to be normalised; scale = gamma * rstd. */
typedef struct { real *mean, *scale, *beta, *by_mean, *by_x; } FN(columns);

/* ---- cores: one block of rows, `count` columns, whose sums and settings fit the registers ---- */

/* Adds n rows to the mean of `before` rows and to the sum of squares around it.  One pass, around the mean so far (at first
   the middle one of three rows): what cancels in the sum of squares is no larger than the variance itself. */
CORE FN(moments_core)(const real *x, isize n, isize stride, isize before, double *mean, double *m2, const isize count)
{
    real shift[CHUNK], sum[CHUNK], squares[CHUNK];
    if (before) {
        for (isize j = 0; j < count; j++) shift[j] = (real)mean[j];
    } else {
        const real *middle = x + n / 2 * stride, *last = x + (n - 1) * stride;
        for (isize j = 0; j < count; j++) {
            const real low = x[j] < middle[j] ? x[j] : middle[j], high = x[j] < middle[j] ? middle[j] : x[j];
            shift[j] = last[j] < low ? low : last[j] > high ? high : last[j];
        }
    }
    #pragma omp simd
    for (isize j = 0; j < count; j++) { sum[j] = 0; squares[j] = 0; }
    for (isize i = 0; i < n; i++) {
        const real *p = x + i * stride;
        #pragma omp simd
        for (isize j = 0; j < count; j++) {
            const real d = p[j] - shift[j];
            sum[j] += d;
            squares[j] = FN(muladd)(d, d, squares[j]);
        }
    }
    /* Chan's formula for two parts */
    const double share = (double)n / (double)(before + n), weight = (double)before * share, each = 1 / (double)n;
    #pragma omp simd
    for (isize j = 0; j < count; j++) {
        const double off = (double)sum[j] * each, d = (double)shift[j] + off - mean[j];
        m2[j] += (double)squares[j] - off * (double)sum[j] + d * d * weight;
        mean[j] += d * share;
    }
}

/* kept = dy where y > 0, else 0: so many rows of so many columns. */
static void FN(keep_positive)(const real *dy, const real *y, isize n, isize stride, real *kept, isize count)
{
    for (isize i = 0; i < n; i++)
        #pragma omp simd
        for (isize j = 0; j < count; j++) kept[i * stride + j] = y[i * stride + j] > 0 ? dy[i * stride + j] : 0;
}

/* Adds n rows to the sums of dy and of dy * (x - mean). */
CORE FN(gradient_core)(const real *dy, const real *x, FN(columns) k, isize n, isize stride, double *of_dy, double *of_product,
                       const isize count, const int relu)
{
    real sum[CHUNK], product[CHUNK];
    #pragma omp simd
    for (isize j = 0; j < count; j++) { sum[j] = 0; product[j] = 0; }
    for (isize i = 0; i < n; i++) {
        const real *p = x + i * stride, *d = dy + i * stride;
        #pragma omp simd
        for (isize j = 0; j < count; j++) {
            const real off = p[j] - k.mean[j], g = !relu || FN(muladd)(off, k.scale[j], k.beta[j]) > 0 ? d[j] : 0;
            sum[j] += g;
            product[j] = FN(muladd)(g, off, product[j]);
        }
    }
    #pragma omp simd
    for (isize j = 0; j < count; j++) { of_dy[j] += (double)sum[j]; of_product[j] += (double)product[j]; }
}

/* y = (x - mean) * scale + beta + skip; rows of y are `pitch` apart. */
CORE FN(normalise_core)(const real *x, FN(columns) k, isize n, isize stride, const real *skip, real *y, isize pitch, const isize count,
                        const int relu, const int add)
{
    for (isize i = 0; i < n; i++) {
        const real *p = x + i * stride, *more = add ? skip + i * stride : p;
        real *q = y + i * pitch;
        #pragma omp simd
        for (isize j = 0; j < count; j++) {
            const real u = FN(muladd)(p[j] - k.mean[j], k.scale[j], k.beta[j]), v = add ? u + more[j] : u;
            q[j] = relu && v <= 0 ? 0 : v;      /* NaN stays */
        }
    }
}

/* dx = scale * (dy - by_mean - (x - mean) * by_x); constant statistics: dx = scale * dy */
CORE FN(spread_core)(const real *dy, const real *x, FN(columns) k, isize n, isize stride, real *dx, isize pitch, const isize count,
                     const int relu, const int constant)
{
    for (isize i = 0; i < n; i++) {
        const real *p = x + i * stride, *d = dy + i * stride;
        real *q = dx + i * pitch;
        #pragma omp simd
        for (isize j = 0; j < count; j++) {
            const real off = p[j] - k.mean[j], g = !relu || FN(muladd)(off, k.scale[j], k.beta[j]) > 0 ? d[j] : 0;
            q[j] = constant ? k.scale[j] * g : k.scale[j] * (g - FN(muladd)(off, k.by_x[j], k.by_mean[j]));
        }
    }
}

/* ---- shells: any number of rows and columns, CHUNK columns at a time ---- */

static FN(columns) FN(columns_from)(FN(columns) k, isize j)
{
    return (FN(columns)){ k.mean + j, k.scale + j, k.beta + j, k.by_mean + j, k.by_x + j };
}

static void FN(moments_columns)(const real *x, isize rows, isize stride, double *mean, double *m2, isize count)
{
    for (isize j = 0; j < count; j++) mean[j] = m2[j] = 0;
    for (isize start = 0; start < rows; start += ROWS)
        for (isize j = 0; j < count; j += CHUNK) {
            const real *at = x + start * stride + j;
            const isize n = min_isize(ROWS, rows - start), some = min_isize(CHUNK, count - j);
            if (some == CHUNK) FN(moments_core)(at, n, stride, start, mean + j, m2 + j, CHUNK);
            else FN(moments_core)(at, n, stride, start, mean + j, m2 + j, some);
        }
}

static void FN(gradient_columns)(const real *dy, const real *x, const real *y, FN(columns) k, isize rows, isize stride,
                                 double *of_dy, double *of_product, real *kept, isize count, isize relu)
{
    for (isize j = 0; j < count; j++) of_dy[j] = of_product[j] = 0;
    for (isize start = 0; start < rows; start += ROWS)
        for (isize j = 0; j < count; j += CHUNK) {
            const isize at = start * stride + j, n = min_isize(ROWS, rows - start), some = min_isize(CHUNK, count - j);
            const FN(columns) c = FN(columns_from)(k, j);
            if (y) {                                                        /* the 64 rows stay in the cache for the sums */
                FN(keep_positive)(dy + at, y + at, n, stride, kept + at, some);
                if (some < CHUNK) FN(gradient_core)(kept + at, x + at, c, n, stride, of_dy + j, of_product + j, some, 0);
                else FN(gradient_core)(kept + at, x + at, c, n, stride, of_dy + j, of_product + j, CHUNK, 0);
            } else if (some < CHUNK) FN(gradient_core)(dy + at, x + at, c, n, stride, of_dy + j, of_product + j, some, relu != 0);
            else if (relu) FN(gradient_core)(dy + at, x + at, c, n, stride, of_dy + j, of_product + j, CHUNK, 1);
            else FN(gradient_core)(dy + at, x + at, c, n, stride, of_dy + j, of_product + j, CHUNK, 0);
        }
}

/* Whether whole vectors of an array's rows are to be stored past the caches. */
static isize FN(is_far)(const real *y, isize size, isize width)
{
    return is_far(y, size) && width * (isize)sizeof(real) % 64 == 0;
}

/* Where a block of the result is computed: in its place, or, where that is far, in `room`, from where it goes past the caches. */
typedef struct { real *to; isize pitch, rows; } FN(target);

static FN(target) FN(target_of)(real *y, isize rows, isize width, isize some, isize far, real *room)
{
    return far && some == CHUNK ? (FN(target)){ room, CHUNK, min_isize(rows, FAR_ROWS) } : (FN(target)){ y, width, rows };
}
static void FN(send)(const FN(target) *t, const real *room, real *y, isize width)
{
    for (isize i = 0; t->to == room && i < t->rows; i++)
        for (isize j = 0; j < CHUNK; j += FN(LANES)) FN(vstream)(y + i * width + j, FN(vload)(room + i * CHUNK + j));
}

static void FN(normalise_rows)(const real *x, isize rows, isize width, FN(columns) k, const real *skip, isize relu, real *y, isize far)
{
    real room[FAR_ROWS * CHUNK];
    for (isize j = 0; j < width; j += CHUNK) {
        const isize some = min_isize(CHUNK, width - j);
        const FN(columns) c = FN(columns_from)(k, j);
        FN(target) t;
        for (isize i = 0; i < rows; i += t.rows) {
            const isize at = i * width + j;
            const real *more = skip ? skip + at : NULL;
            t = FN(target_of)(y + at, rows - i, width, some, far, room);
            if (some < CHUNK) FN(normalise_core)(x + at, c, t.rows, width, more, t.to, t.pitch, some, relu != 0, skip != NULL);
            else if (skip) FN(normalise_core)(x + at, c, t.rows, width, more, t.to, t.pitch, CHUNK, relu != 0, 1);
            else if (relu) FN(normalise_core)(x + at, c, t.rows, width, more, t.to, t.pitch, CHUNK, 1, 0);
            else FN(normalise_core)(x + at, c, t.rows, width, more, t.to, t.pitch, CHUNK, 0, 0);
            FN(send)(&t, room, y + at, width);
        }
    }
    if (far) stream_fence();
}

static void FN(spread_rows)(const real *dy, const real *x, isize rows, isize width, FN(columns) k, isize relu, const int constant, real *dx, isize far)
{
    real room[FAR_ROWS * CHUNK];
    for (isize j = 0; j < width; j += CHUNK) {
        const isize some = min_isize(CHUNK, width - j);
        const FN(columns) c = FN(columns_from)(k, j);
        FN(target) t;
        for (isize i = 0; i < rows; i += t.rows) {
            const isize at = i * width + j;
            t = FN(target_of)(dx + at, rows - i, width, some, far, room);
            if (some < CHUNK || constant) FN(spread_core)(dy + at, x + at, c, t.rows, width, t.to, t.pitch, some, relu != 0, constant);
            else if (relu) FN(spread_core)(dy + at, x + at, c, t.rows, width, t.to, t.pitch, CHUNK, 1, 0);
            else FN(spread_core)(dy + at, x + at, c, t.rows, width, t.to, t.pitch, CHUNK, 0, 0);
            FN(send)(&t, room, dx + at, width);
        }
    }
    if (far) stream_fence();
}

/* ---- scratch: two doubles a column and part, two more a column, five reals a column ---- */

static isize FN(norm_scratch)(isize rows, isize c)
{
    const split s = split_of(rows, c);
    return s.width * (isize)((size_t)(2 * s.parts + 2) * sizeof(double) + 5 * sizeof(real));
}

static FN(columns) FN(columns_at)(const split *s, double *scratch)
{
    real *base = (real *)(scratch + (2 * s->parts + 2) * s->width);
    return (FN(columns)){ base, base + s->width, base + 2 * s->width, base + 3 * s->width, base + 4 * s->width };
}

/* Repeats the first c values of a column array for each row of the fold. */
static void FN(repeat)(real *column, isize c, isize width)
{
    for (isize j = c; j < width; j++) column[j] = column[j - c];
}

static void FN(fill_columns)(const split *s, isize c, const real *mean, const real *rstd, const real *gamma, const real *beta, FN(columns) k)
{
    for (isize j = 0; j < c; j++) {
        k.mean[j] = mean[j];
        k.scale[j] = gamma ? gamma[j] * rstd[j] : rstd[j];
        k.beta[j] = beta ? beta[j] : 0;
    }
    FN(repeat)(k.mean, c, s->width);
    FN(repeat)(k.scale, c, s->width);
    FN(repeat)(k.beta, c, s->width);
}

/* ---- batch normalisation, training ---- */

isize FN(batch_norm_forward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(batch_norm_forward_args) *a = args;
    (void)ctx;
    return FN(norm_scratch)(a->rows, a->c);
}

/* Puts the parts together: mean, rstd, moving statistics and the columns. */
static void FN(finish_moments)(const FN(batch_norm_forward_args) *a, const split *s, double *part, FN(columns) k)
{
    const isize c = a->c, width = s->width;
    double *total = part + 2 * s->parts * width, *m2 = total + width;
    for (isize j = 0; j < width; j++) total[j] = m2[j] = 0;
    for (isize g = 0; g < s->parts; g++) {
        const double n = (double)part_rows(s, g), *mean = part + 2 * g * width;
        for (isize j = 0; j < (g < s->groups ? width : c); j++) total[j] += n * mean[j];
    }
    for (isize f = 1; f < s->fold; f++)
        for (isize j = 0; j < c; j++) total[j] += total[f * c + j];
    for (isize j = 0; j < c; j++) total[j] = a->rows ? total[j] / (double)a->rows : 0;
    for (isize j = c; j < width; j++) total[j] = total[j - c];
    for (isize g = 0; g < s->parts; g++) {
        const double n = (double)part_rows(s, g), *mean = part + 2 * g * width, *squares = mean + width;
        for (isize j = 0; j < (g < s->groups ? width : c); j++) m2[j] += squares[j] + n * (mean[j] - total[j]) * (mean[j] - total[j]);
    }
    for (isize f = 1; f < s->fold; f++)
        for (isize j = 0; j < c; j++) m2[j] += m2[f * c + j];
    for (isize j = 0; j < c; j++) {
        const double variance = a->rows ? m2[j] / (double)a->rows : 0;
        a->mean[j] = (real)total[j];
        a->rstd[j] = (real)(1 / sqrt(variance + a->epsilon));
        if (a->moving_mean && a->rows) {
            a->moving_mean[j] = (real)((double)a->moving_mean[j] * a->momentum + total[j] * (1 - a->momentum));
            a->moving_variance[j] = (real)((double)a->moving_variance[j] * a->momentum + variance * (1 - a->momentum));
        }
    }
    FN(fill_columns)(s, c, a->mean, a->rstd, a->gamma, a->beta, k);
}

static void FN(forward_team)(const void *args, isize thread, isize threads)
{
    const FN(batch_norm_forward_args) *a = args;
    const split s = split_of(a->rows, a->c);
    const isize tasks = s.groups * s.spans, far = FN(is_far)(a->y, a->rows * a->c, s.width);
    double *part = a->scratch;
    const FN(columns) k = FN(columns_at)(&s, part);
    for (isize task = share(tasks, thread, threads); task < share(tasks, thread + 1, threads); task++) {
        const isize g = task / s.spans, from = task % s.spans * s.span;
        double *mean = part + 2 * g * s.width + from;
        FN(moments_columns)(a->x + g * s.group_rows * s.width + from, part_rows(&s, g), s.width, mean, mean + s.width, min_isize(s.span, s.width - from));
    }
    if (thread == 0 && s.rest) {            /* c < 128 here */
        double *mean = part + 2 * s.groups * s.width;
        FN(moments_columns)(a->x + s.tall * s.width, s.rest, a->c, mean, mean + s.width, a->c);
    }
    team_barrier(threads);
    if (thread == 0) FN(finish_moments)(a, &s, part, k);
    team_barrier(threads);
    for (isize i = share(pieces(&s), thread + 1, threads); i-- > share(pieces(&s), thread, threads);) {
        const piece p = piece_of(&s, i);
        FN(normalise_rows)(a->x + p.at, p.rows, p.width, k, a->skip ? a->skip + p.at : NULL, a->relu, a->y + p.at, far);
    }
}

pydl_status FN(batch_norm_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(batch_norm_forward_args) *a = args;
    run_team(ctx, norm_parallel(a->rows, a->c), FN(forward_team), a);
    return PYDL_OK;
}

isize FN(batch_norm_backward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(batch_norm_backward_args) *a = args;
    (void)ctx;
    return FN(norm_scratch)(a->rows, a->c);
}

/* This thread's share of the sums of dy and dy * (x - mean). */
static void FN(gradient_parts)(const real *dy, const real *x, const real *y, const split *s, isize c, FN(columns) k, isize relu,
                               double *part, real *kept, isize thread, isize threads)
{
    const isize tasks = s->groups * s->spans;
    for (isize task = share(tasks, thread, threads); task < share(tasks, thread + 1, threads); task++) {
        const isize g = task / s->spans, from = task % s->spans * s->span, at = g * s->group_rows * s->width + from;
        double *sum = part + 2 * g * s->width + from;
        FN(gradient_columns)(dy + at, x + at, y ? y + at : NULL, FN(columns_from)(k, from), part_rows(s, g), s->width, sum, sum + s->width,
                             kept ? kept + at : NULL, min_isize(s->span, s->width - from), relu);
    }
    if (thread == 0 && s->rest) {
        const isize at = s->tall * s->width;
        double *sum = part + 2 * s->groups * s->width;
        FN(gradient_columns)(dy + at, x + at, y ? y + at : NULL, k, s->rest, c, sum, sum + s->width, kept ? kept + at : NULL, c, relu);
    }
}

/* Adds up the parts; afterwards total[j] is the sum of dy and total[width + j] that of dy * (x - mean), j < c. */
static double *FN(gradient_totals)(const split *s, isize c, double *part)
{
    const isize width = s->width;
    double *total = part + 2 * s->parts * width;
    for (isize j = 0; j < 2 * width; j++) total[j] = 0;
    for (isize g = 0; g < s->parts; g++) {
        const double *sum = part + 2 * g * width;
        for (isize j = 0; j < (g < s->groups ? width : c); j++) { total[j] += sum[j]; total[width + j] += sum[width + j]; }
    }
    for (isize f = 1; f < s->fold; f++)
        for (isize j = 0; j < c; j++) { total[j] += total[f * c + j]; total[width + j] += total[width + f * c + j]; }
    return total;
}

static void FN(finish_gradient)(const FN(batch_norm_backward_args) *a, const split *s, double *part, FN(columns) k)
{
    const double *total = FN(gradient_totals)(s, a->c, part), n = (double)max_isize(a->rows, 1);
    for (isize j = 0; j < a->c; j++) {
        const double rstd = (double)a->rstd[j], dgamma = total[s->width + j] * rstd;
        k.by_mean[j] = (real)(total[j] / n);
        k.by_x[j] = (real)(rstd * dgamma / n);
        if (a->dgamma) a->dgamma[j] = (real)dgamma;
        if (a->dbeta) a->dbeta[j] = (real)total[j];
    }
    FN(repeat)(k.by_mean, a->c, s->width);
    FN(repeat)(k.by_x, a->c, s->width);
}

static void FN(backward_team)(const void *args, isize thread, isize threads)
{
    const FN(batch_norm_backward_args) *a = args;
    const split s = split_of(a->rows, a->c);
    double *part = a->scratch;
    const isize far = FN(is_far)(a->dx, a->rows * a->c, s.width);
    const FN(columns) k = FN(columns_at)(&s, part);
    FN(gradient_parts)(a->dy, a->x, a->y, &s, a->c, k, a->relu, part, a->dskip, thread, threads);
    team_barrier(threads);
    if (thread == 0) FN(finish_gradient)(a, &s, part, k);
    team_barrier(threads);
    if (a->dx)
        for (isize i = share(pieces(&s), thread + 1, threads); i-- > share(pieces(&s), thread, threads);) {
            const piece p = piece_of(&s, i);
            FN(spread_rows)((a->y ? a->dskip : a->dy) + p.at, a->x + p.at, p.rows, p.width, k, a->relu && !a->y, 0, a->dx + p.at, far);
        }
}

pydl_status FN(batch_norm_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(batch_norm_backward_args) *a = args;
    const split s = split_of(a->rows, a->c);
    FN(fill_columns)(&s, a->c, a->mean, a->rstd, a->gamma, a->beta, FN(columns_at)(&s, a->scratch));
    run_team(ctx, norm_parallel(a->rows, a->c), FN(backward_team), a);
    return PYDL_OK;
}

/* ---- batch normalisation, constant statistics ---- */

isize FN(batch_norm_inference_forward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(batch_norm_inference_forward_args) *a = args;
    (void)ctx;
    return FN(norm_scratch)(a->rows, a->c);
}

/* by_mean serves as room for rstd while the columns are filled. */
static void FN(constant_columns)(const split *s, isize c, const real *mean, const real *variance, double epsilon,
                                 const real *gamma, const real *beta, FN(columns) k)
{
    for (isize j = 0; j < c; j++) k.by_mean[j] = (real)(1 / sqrt((double)variance[j] + epsilon));
    FN(fill_columns)(s, c, mean, k.by_mean, gamma, beta, k);
}

static void FN(inference_team)(const void *args, isize thread, isize threads)
{
    const FN(batch_norm_inference_forward_args) *a = args;
    const split s = split_of(a->rows, a->c);
    const FN(columns) k = FN(columns_at)(&s, a->scratch);
    const isize far = FN(is_far)(a->y, a->rows * a->c, s.width);
    for (isize i = share(pieces(&s), thread + 1, threads); i-- > share(pieces(&s), thread, threads);) {
        const piece p = piece_of(&s, i);
        FN(normalise_rows)(a->x + p.at, p.rows, p.width, k, NULL, a->relu, a->y + p.at, far);
    }
}

pydl_status FN(batch_norm_inference_forward)(const pydl_ctx *ctx, const void *args)
{
    const FN(batch_norm_inference_forward_args) *a = args;
    const split s = split_of(a->rows, a->c);
    FN(constant_columns)(&s, a->c, a->mean, a->variance, a->epsilon, a->gamma, a->beta, FN(columns_at)(&s, a->scratch));
    run_team(ctx, norm_parallel(a->rows, a->c), FN(inference_team), a);
    return PYDL_OK;
}

isize FN(batch_norm_inference_backward_scratch)(const pydl_ctx *ctx, const void *args)
{
    const FN(batch_norm_inference_backward_args) *a = args;
    (void)ctx;
    return FN(norm_scratch)(a->rows, a->c);
}

static void FN(inference_back_team)(const void *args, isize thread, isize threads)
{
    const FN(batch_norm_inference_backward_args) *a = args;
    const split s = split_of(a->rows, a->c);
    double *part = a->scratch;
    const isize far = FN(is_far)(a->dx, a->rows * a->c, s.width);
    const FN(columns) k = FN(columns_at)(&s, part);
    if (a->dgamma || a->dbeta) FN(gradient_parts)(a->dy, a->x, NULL, &s, a->c, k, a->relu, part, NULL, thread, threads);
    if (a->dx)
        for (isize i = share(pieces(&s), thread + 1, threads); i-- > share(pieces(&s), thread, threads);) {
            const piece p = piece_of(&s, i);
            FN(spread_rows)(a->dy + p.at, a->x + p.at, p.rows, p.width, k, a->relu, 1, a->dx + p.at, far);
        }
}

pydl_status FN(batch_norm_inference_backward)(const pydl_ctx *ctx, const void *args)
{
    const FN(batch_norm_inference_backward_args) *a = args;
    const split s = split_of(a->rows, a->c);
    double *part = a->scratch;
    FN(constant_columns)(&s, a->c, a->mean, a->variance, a->epsilon, a->gamma, a->beta, FN(columns_at)(&s, part));
    run_team(ctx, norm_parallel(a->rows, a->c), FN(inference_back_team), a);
    if (a->dgamma || a->dbeta) {
        const double *total = FN(gradient_totals)(&s, a->c, part);
        for (isize j = 0; j < a->c; j++) {
            if (a->dgamma) a->dgamma[j] = (real)(total[s.width + j] / sqrt((double)a->variance[j] + a->epsilon));
            if (a->dbeta) a->dbeta[j] = (real)total[j];
        }
    }
    return PYDL_OK;
}
#endif
