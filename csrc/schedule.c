#include "internal.h"
#include "schedule.h"

/* One number a step, in double. */

static double turns(const pydl_exponential_rate_args *a)
{
    double p = (double)*a->iterations / a->decay_steps;
    return a->staircase ? floor(p) : p;
}

pydl_status LEVEL_FN(exponential_rate)(const pydl_ctx *ctx, const void *args)
{
    const pydl_exponential_rate_args *a = args;
    (void)ctx;
    *a->rate = a->initial * pow(a->decay_rate, turns(a));
    return PYDL_OK;
}

pydl_status LEVEL_FN(inverse_time_rate)(const pydl_ctx *ctx, const void *args)
{
    const pydl_inverse_time_rate_args *a = args;
    (void)ctx;
    *a->rate = a->initial / (1 + a->decay_rate * turns(a));
    return PYDL_OK;
}

pydl_status LEVEL_FN(root_rate)(const pydl_ctx *ctx, const void *args)
{
    const pydl_root_rate_args *a = args;
    (void)ctx;
    *a->rate = a->initial / sqrt(1 + a->decay_rate * turns(a));
    return PYDL_OK;
}

pydl_status LEVEL_FN(polynomial_rate)(const pydl_ctx *ctx, const void *args)
{
    const pydl_polynomial_rate_args *a = args;
    double t = (double)*a->iterations, steps = a->decay_steps;
    (void)ctx;
    if (a->cycle) steps *= t > 0 ? ceil(t / steps) : 1;
    else t = t < steps ? t : steps;
    *a->rate = (a->initial - a->end) * pow(1 - t / steps, a->power) + a->end;
    return PYDL_OK;
}

pydl_status LEVEL_FN(piecewise_rate)(const pydl_ctx *ctx, const void *args)
{
    const pydl_piecewise_rate_args *a = args;
    isize k = 0;
    (void)ctx;
    while (k < a->n && (double)*a->iterations > a->boundaries[k]) k++;
    *a->rate = a->values[k];
    return PYDL_OK;
}

/* height .. 0 along half a cosine, squeezed to end at alpha;  p in 0 .. 1 */
static double cosine(double p, double height, double alpha) { return (1 - alpha) * 0.5 * height * (1 + cos(3.14159265358979323846 * p)) + alpha; }

pydl_status LEVEL_FN(cosine_rate)(const pydl_ctx *ctx, const void *args)
{
    const pydl_cosine_rate_args *a = args;
    double t = (double)*a->iterations;
    (void)ctx;
    if (t < a->warmup_steps) *a->rate = a->initial + (a->target - a->initial) * t / a->warmup_steps;
    else {
        double p = (t - a->warmup_steps) / a->decay_steps;
        *a->rate = a->target * cosine(p < 1 ? p : 1, 1, a->alpha);
    }
    return PYDL_OK;
}

pydl_status LEVEL_FN(cosine_restarts_rate)(const pydl_ctx *ctx, const void *args)
{
    const pydl_cosine_restarts_rate_args *a = args;
    double p = (double)*a->iterations / a->first_steps, restarts;
    (void)ctx;
    if (a->t_mul == 1) {
        restarts = floor(p);
        p -= restarts;
    } else {                                            /* periods of 1, t_mul, t_mul^2, ... */
        restarts = floor(log(1 - p * (1 - a->t_mul)) / log(a->t_mul));
        p = (p - (1 - pow(a->t_mul, restarts)) / (1 - a->t_mul)) / pow(a->t_mul, restarts);
    }
    *a->rate = a->initial * cosine(p, pow(a->m_mul, restarts), a->alpha);
    return PYDL_OK;
}

pydl_status LEVEL_FN(inverse_root_rate)(const pydl_ctx *ctx, const void *args)
{
    const pydl_inverse_root_rate_args *a = args;
    double t = (double)*a->iterations + 1, warm = t * pow(a->warmup_steps, -1.5), late = 1 / sqrt(t);
    (void)ctx;
    *a->rate = a->scale * (warm < late ? warm : late);
    return PYDL_OK;
}
