/* Learning rates that follow the number of steps.  Each kernel reads t = iterations[0] and overwrites rate[0]. */
#ifndef PYDL_SCHEDULE_H
#define PYDL_SCHEDULE_H
#include "pydl.h"
#include "each_real.h"

/* initial * decay_rate^p,  p = t / decay_steps, rounded down where staircase */
typedef struct { const int64_t *iterations; double initial; double decay_steps; double decay_rate; isize staircase; double *rate; } pydl_exponential_rate_args;
pydl_status LEVEL_FN(exponential_rate)(const pydl_ctx *ctx, const void *args);

/* initial / (1 + decay_rate * p) */
typedef pydl_exponential_rate_args pydl_inverse_time_rate_args;
pydl_status LEVEL_FN(inverse_time_rate)(const pydl_ctx *ctx, const void *args);

/* initial / sqrt(1 + decay_rate * p) */
typedef pydl_exponential_rate_args pydl_root_rate_args;
pydl_status LEVEL_FN(root_rate)(const pydl_ctx *ctx, const void *args);

/* (initial - end) * (1 - s / d)^power + end,  s = min(t, d), d = decay_steps;  cycle: d is the next multiple of decay_steps, s = t */
typedef struct {
    const int64_t *iterations; double initial; double decay_steps; double end; double power; isize cycle;
    double *rate;
} pydl_polynomial_rate_args;
pydl_status LEVEL_FN(polynomial_rate)(const pydl_ctx *ctx, const void *args);

/* values[k] for the first k with t <= boundaries[k], values[n] behind them all.  boundaries: (n,), values: (n + 1,). */
typedef struct { const int64_t *iterations; const double *boundaries; const double *values; isize n; double *rate; } pydl_piecewise_rate_args;
pydl_status LEVEL_FN(piecewise_rate)(const pydl_ctx *ctx, const void *args);

/* Warm-up from initial to target over warmup_steps on a straight line, then
   target * ((1 - alpha) * (1 + cos(pi p)) / 2 + alpha),  p = min(t - warmup_steps, decay_steps) / decay_steps */
typedef struct {
    const int64_t *iterations; double initial; double target; double warmup_steps; double decay_steps; double alpha;
    double *rate;
} pydl_cosine_rate_args;
pydl_status LEVEL_FN(cosine_rate)(const pydl_ctx *ctx, const void *args);

/* initial * ((1 - alpha) * m_mul^k * (1 + cos(pi p)) / 2 + alpha),  p = 0 .. 1 over the k-th period, of first_steps * t_mul^k steps */
typedef struct {
    const int64_t *iterations; double initial; double first_steps; double t_mul; double m_mul; double alpha;
    double *rate;
} pydl_cosine_restarts_rate_args;
pydl_status LEVEL_FN(cosine_restarts_rate)(const pydl_ctx *ctx, const void *args);

/* scale * min((t + 1)^-0.5, (t + 1) * warmup_steps^-1.5):  a straight warm-up, then the inverse root (the transformer's). */
typedef struct { const int64_t *iterations; double scale; double warmup_steps; double *rate; } pydl_inverse_root_rate_args;
pydl_status LEVEL_FN(inverse_root_rate)(const pydl_ctx *ctx, const void *args);

#endif
