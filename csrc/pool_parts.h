/* What pooling over windows and over whole images share. */
#ifndef real
#ifndef PYDL_POOL_PARTS_H
#define PYDL_POOL_PARTS_H
#include "internal.h"
#include "pool.h"

/* Rows of work, each of `row` elements, that one call takes; whether they are worth a second thread. */
static inline int parallel_rows(isize rows, isize row) { return rows > 1 && rows * row > PARALLEL_MIN / 2; }

#define EACH_REAL "pool_parts.h"
#include "each_real.h"
#endif
#else

/* Integer lanes are as wide as a real, so that one mask serves both. */
#if REAL_IS_FLOAT
typedef int32_t FN(lane_int);
#else
typedef int64_t FN(lane_int);
#endif

#endif
