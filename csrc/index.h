/* Rows of a table by index: integers of 4 or 8 bytes. */
#ifndef PYDL_INDEX_H
#define PYDL_INDEX_H
#include "pydl.h"

static inline isize index_at(const void *index, isize index_size, isize i)
{
    return index_size == 4 ? (isize)((const int32_t *)index)[i] : (isize)((const int64_t *)index)[i];
}

/* PYDL_BAD_INDEX, and ctx->fault, unless 0 <= index[i] < limit for all i < n. */
static inline pydl_status check_indices(const pydl_ctx *ctx, const void *index, isize index_size, isize n, isize limit)
{
    for (isize i = 0; i < n; i++) {
        const isize value = index_at(index, index_size, i);
        if (value < 0 || value >= limit) {
            *ctx->fault = (pydl_fault){.where = i, .value = value, .limit = limit};
            return PYDL_BAD_INDEX;
        }
    }
    return PYDL_OK;
}
#endif
