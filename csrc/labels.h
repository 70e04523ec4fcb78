/* Class labels and row numbers as users bring them: any dtype an Array can have. */
#ifndef PYDL_LABELS_H
#define PYDL_LABELS_H
#include <math.h>
#include "pydl.h"

/* Array.code */
enum { PYDL_FLOAT32 = 0, PYDL_FLOAT64 = 1, PYDL_INT32 = 2, PYDL_INT64 = 3, PYDL_UINT8 = 4, PYDL_BOOL = 5, PYDL_UINT64 = 6 };

/* "No label is left out": the ignore argument where there is no such class. */
#define IGNORE_NONE PTRDIFF_MIN

/* Only whole numbers are labels: 2.0 is one, 2.5, NaN and 1e30 are none. */
static inline int label_from_real(double x, isize *label)
{
    if (!(x > -9.0e15 && x < 9.0e15) || x != floor(x)) return 0;
    *label = (isize)x;
    return 1;
}

/* Reads labels[i] and says whether it is a whole number that fits. */
static inline int label_read(const void *labels, isize code, isize i, isize *label)
{
    switch (code) {
    case PYDL_FLOAT32: return label_from_real((double)((const float *)labels)[i], label);
    case PYDL_FLOAT64: return label_from_real(((const double *)labels)[i], label);
    case PYDL_INT32: *label = ((const int32_t *)labels)[i]; return 1;
    case PYDL_INT64: *label = (isize)((const int64_t *)labels)[i]; return *label != IGNORE_NONE;
    case PYDL_UINT64: *label = (isize)((const uint64_t *)labels)[i]; return *label >= 0;
    default: *label = ((const unsigned char *)labels)[i]; return 1;
    }
}

/* labels[i] where labels_check has passed. */
static inline isize label_at(const void *labels, isize code, isize i)
{
    isize label = 0;
    label_read(labels, code, i, &label);
    return label;
}

/* Every label is `ignore` or 0 <= label < limit; the fault is the first that is not. */
static inline pydl_status labels_check(const pydl_ctx *ctx, const void *labels, isize code, isize n, isize limit, isize ignore)
{
    for (isize i = 0; i < n; i++) {
        isize label = 0;
        int whole = label_read(labels, code, i, &label);
        if (whole && ((label >= 0 && label < limit) || label == ignore)) continue;
        *ctx->fault = (pydl_fault){ .where = i, .value = label, .limit = limit };
        return whole ? PYDL_BAD_INDEX : PYDL_BAD_VALUE;
    }
    return PYDL_OK;
}
#endif
