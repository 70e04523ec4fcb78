/* Probabilities as logarithms, in double: sums that neither overflow nor vanish. */
#ifndef PYDL_LOGSPACE_H
#define PYDL_LOGSPACE_H
#include "vecmath.h"

/* Stands for log 0: sums of it stay finite, and exp of a difference to it is 0. */
#define LOG_ZERO (-1e30)

static inline double exp_of(double x) { return PYDL_PASTE(pydl_, vec_exp, _f64, PYDL_LEVEL_TAIL)(x); }
static inline double log_of(double x) { return PYDL_PASTE(pydl_, vec_log, _f64, PYDL_LEVEL_TAIL)(x); }

/* log(e^a + e^b + e^c) */
static inline double log_sum(double a, double b, double c)
{
    double top = a > b ? a : b;
    top = c > top ? c : top;
    return top + log_of(exp_of(a - top) + exp_of(b - top) + exp_of(c - top));
}
#endif
