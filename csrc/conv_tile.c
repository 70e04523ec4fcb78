/* Register tiles of whole vectors of columns, and of half vectors for few columns: a file of their own, for they take long to compile. */
#ifndef real
#include "internal.h"
#include "conv_parts.h"
#define EACH_REAL "conv_tile.c"
#include "each_real.h"
#else

#define TILE(name) FN(tile_##name)
#define TILE_VECTORS_USED TILE_VECTORS
#define V(op) FN(v##op)
#define V_TYPE FN(vec)
#define V_LANES FN(LANES)
#define V_MASK FN(vmask)
#define V_MASK_OF FN(mask_of)
#include "conv_tile.h"

#ifdef SIMD_HALVES                                       /* up to half a vector of columns: 8 rows of half vectors */
#undef TILE
#undef TILE_VECTORS_USED
#undef V
#undef V_TYPE
#undef V_LANES
#undef V_MASK
#undef V_MASK_OF
#define TILE(name) FN(half_tile_##name)
#define TILE_VECTORS_USED 1
#define V(op) FN(h##op)
#define V_TYPE FN(half)
#define V_LANES FN(HALF_LANES)
#define V_MASK FN(half_mask)
#define V_MASK_OF FN(half_mask_of)
#include "conv_tile.h"
#endif
#undef TILE
#undef TILE_VECTORS_USED
#undef V
#undef V_TYPE
#undef V_LANES
#undef V_MASK
#undef V_MASK_OF

void FN(run_tile)(FN(tile_args) *t, FN(columns) c, isize block, isize rows)
{
    const isize start = FN(block_start)(c, block), stop = FN(block_start)(c, block + 1);
    t->tail = min_isize(c.width - (stop - c.lanes), c.lanes);
#ifdef SIMD_HALVES
    if (c.lanes == FN(HALF_LANES)) {
        FN(half_tile_sweep_1)(t, rows);
        return;
    }
#endif
    switch ((stop - start) / c.lanes) {
        case 1: FN(tile_sweep_1)(t, rows); break;
        case 2: (t->across > 1 ? FN(tile_sweep_2_beside) : FN(tile_sweep_2))(t, rows); break;
#if TILE_VECTORS > 2
        case 3: (t->across > 1 ? FN(tile_sweep_3_beside) : FN(tile_sweep_3))(t, rows); break;
#endif
    }
}

void FN(pack_columns_of)(FN(columns) c, isize block, const real *from, const real *positive, isize step, isize count, real *to)
{
    const isize start = FN(block_start)(c, block), stop = FN(block_start)(c, block + 1);
    const isize tail = min_isize(c.width - (stop - c.lanes), c.lanes);
#ifdef SIMD_HALVES
    if (c.lanes == FN(HALF_LANES)) {
        FN(half_tile_pack_rows)(from, positive, step, count, 1, tail, to);
        return;
    }
#endif
    FN(tile_pack_rows)(from, positive, step, count, (stop - start) / c.lanes, tail, to);
}

void FN(sum_columns_of)(FN(columns) c, isize block, const real *rows, isize count, double *sum)
{
    const isize start = FN(block_start)(c, block), stop = FN(block_start)(c, block + 1);
#ifdef SIMD_HALVES
    if (c.lanes == FN(HALF_LANES)) {
        FN(half_tile_sum_rows)(rows, count, 1, sum);
        return;
    }
#endif
    FN(tile_sum_rows)(rows, count, (stop - start) / c.lanes, sum);
}
#endif
