"""One line per op and layer: the line buys every check of test_contract.py.

    op("elementwise", ops.tanh, (N, 7), reference.tanh)
    op("reduce", ops.sum, (N, 3, 4), reference.sum, axis=1, keepdims=True)
    layer("dense", layers.Dense, (5,), reference.dense, units=7, activation="relu")
    layer("merge", layers.Add, [(3, 4), (3, 4)], reference.add)

**Line.**  family, what is called, its inputs, its reference; then options by keyword, which go to the function (or the
layer's constructor) and to the reference alike.  The test ids are `family-name(options)-shapes`.

**Inputs.**  A shape, or a list of them for several inputs; a bare shape holds normal numbers, others come from
`positive, away (from zero), apart (no two near), probabilities, integers(..., high=), flags`.  N is the axis that may have
any size: it is tried with 0, 1, 5 and a size large enough for several threads.  A layer's shapes leave the batch out.

**Reference.**  In tests/reference/<family>.py: plain NumPy loops in float64 from the formula, never from our C.  Called
as `reference(*inputs, *weights, **options)`, weights in the order of `layer.weights`, all filled with random numbers;
returns an array, or a tuple for several results.

**Fields** a line may add:
    name="..."               instead of the automatic one
    also=[(4, 9), (1, 1)]    more inputs (as above) for the comparison with the reference: below, at and above tile sizes
    tolerance=(5e-6, 1e-12)  float32, float64: |got - want| <= tolerance * (|want| + mean |want|)
    gradient=False           there is none (comparisons, argmax); components=60 of each tensor are tried
    empty=False              N = 0 has no result and must raise ValueError
    call={"training": True}  how the layer is called
    weights=f(path, values)  other values for a weight than normal ones
    grows=False              N is not tried with a large size (its cost is not linear)

What a line is checked for: equals the reference (both dtypes, every CPU level, `also`), gradient by finite differences,
float32 gradient against float64 (every level), inputs unmodified, strided / F-ordered / reversed / read-only / misaligned /
big-endian arrays, empty, batch of one, 1 2 and 4 threads bit-equal, eager and replayed bit-equal (values and gradients);
a layer besides: output shape, config, training steps eager and replayed bit-equal, save and load, frozen.
`CASES` is the list a benchmark reads: `case.live("float32")`, `case.draw("float32", n=case.large())`.
"""
from contract import N, apart, away, flags, integers, layer, op, positive, probabilities  # noqa: F401

CASES = []
