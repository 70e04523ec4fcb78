"""Recurrent layers a step at a time, from ordinary ops: for activations that the kernels of whole sequences do not have."""
from pydl.layers.dense import dense
from pydl.ops import add, get_item, matmul, multiply, stack, where, zeros


def stepwise(cell, x, kernel, recurrent, bias, states, mask, backwards, drop, activation, recurrent_activation, peephole=None):
    """What the op of the cell (named as in recurrent.py) computes, for any activations; arguments checked by the caller.  Returns (y, h, c...)."""
    n, steps, units = x.shape[0], x.shape[1], recurrent.shape[0]
    inner = get_item(bias, 1) if bias is not None and cell == "gru" else None
    p = dense(x, kernel, get_item(bias, 0) if inner is not None else bias)
    h, *c = states or [zeros((n, units), x.dtype) for _ in range(2 if cell == "lstm" else 1)]
    outputs, before = [], zeros((n, units), x.dtype)

    def part(values, k):
        return get_item(values, (slice(None), slice(k * units, (k + 1) * units)))

    def seen(values, k, c):
        """A gate's sum, with what it sees of the cell."""
        return part(values, k) if peephole is None else add(part(values, k), multiply(c, get_item(peephole, (0, 1, None, 2)[k])))
    for s in range(steps):
        t = steps - 1 - s if backwards else s
        given, state = get_item(p, (slice(None), t)), h if drop is None else multiply(h, drop)
        new_c = c
        if cell == "gru_before":
            q = matmul(state, get_item(recurrent, (slice(None), slice(0, 2 * units))))
            z, r = (recurrent_activation(add(part(given, k), part(q, k))) for k in range(2))
            g = activation(add(part(given, 2), matmul(multiply(r, state), part(recurrent, 2))))
            new = add(multiply(z, h), multiply(1 - z, g))
        elif cell == "gru":
            q = matmul(state, recurrent)
            q = q if inner is None else add(q, inner)
            z, r = (recurrent_activation(add(part(given, k), part(q, k))) for k in range(2))
            g = activation(add(part(given, 2), multiply(r, part(q, 2))))
            new = add(multiply(z, h), multiply(1 - z, g))
        else:
            total = add(given, matmul(state, recurrent))
            if cell == "lstm":
                i, f = (recurrent_activation(seen(total, k, c[0])) for k in (0, 1))
                new_c = [add(multiply(f, c[0]), multiply(i, activation(part(total, 2))))]
                new = multiply(recurrent_activation(seen(total, 3, new_c[0])), activation(new_c[0]))
            elif cell == "gru_simple":
                share = recurrent_activation(part(total, 0))
                new = add(multiply(share, activation(part(total, 1))), multiply(1 - share, h))
            else:
                new = activation(total)
        out = new
        if mask is not None:
            live = get_item(mask, (slice(None), slice(t, t + 1)))
            out, new, new_c = where(live, new, before), where(live, new, h), [where(live, a, b) for a, b in zip(new_c, c)]
        h, c, before = new, new_c, out
        outputs.append(out)
    return (stack(outputs, 1), h, *c)
