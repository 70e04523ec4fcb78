"""Moves of elements, one at a time: where each element of the result comes from."""
import numpy as np


def pick(x, shape, source):
    """y[i] = x[source(*i)]"""
    y = np.empty(shape, x.dtype)
    for i in np.ndindex(*shape):
        y[i] = x[source(*i)]
    return y


def unravel(k, shape):
    index = []
    for n in reversed(shape):
        index.append(k % n)
        k //= n
    return tuple(reversed(index))


def position(index, shape):
    k = 0
    for i, n in zip(index, shape, strict=True):
        k = k * n + i
    return k


def reshape(x, newshape):
    known = int(np.prod([n for n in newshape if n != -1]))
    shape = [x.size // known if n == -1 else n for n in newshape]
    return pick(x, shape, lambda *i: unravel(position(i, shape), x.shape))


def transpose(x, axes=None):
    axes = list(range(x.ndim))[::-1] if axes is None else axes
    return pick(x, [x.shape[a] for a in axes], lambda *i: tuple(i[list(axes).index(a)] for a in range(x.ndim)))


def expand_dims(x, axis): return reshape(x, (*x.shape[:axis], 1, *x.shape[axis:]))
def squeeze(x, axis): return reshape(x, tuple(n for k, n in enumerate(x.shape) if k not in axis))
def ravel(x): return reshape(x, (x.size,))


def swapaxes(x, axis1, axis2):
    axes = list(range(x.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return transpose(x, axes)


def moveaxis(x, source, destination):
    axes = [k for k in range(x.ndim) if k != source]
    axes.insert(destination % x.ndim, source)
    return transpose(x, axes)


def split(x, indices_or_sections, axis):
    ends = indices_or_sections
    if isinstance(ends, int):
        ends = [x.shape[axis] // ends * k for k in range(1, ends)]
    lead = (slice(None),) * axis
    return tuple(get_item(x, (*lead, slice(a, b))) for a, b in zip([0, *ends], [*ends, x.shape[axis]], strict=True))


def unstack(x, axis): return tuple(get_item(x, (*(slice(None),) * axis, k)) for k in range(x.shape[axis]))


def flip(x, axis):
    return pick(x, x.shape, lambda *i: tuple(n - 1 - k if a == axis else k for a, (k, n) in enumerate(zip(i, x.shape, strict=True))))


def broadcast_to(x, shape):
    lead = len(shape) - x.ndim
    return pick(x, shape, lambda *i: tuple(0 if n == 1 else k for k, n in zip(i[lead:], x.shape, strict=True)))


def tile(x, repeats):
    return pick(x, [n * r for n, r in zip(x.shape, repeats, strict=True)], lambda *i: tuple(k % n for k, n in zip(i, x.shape, strict=True)))


def repeat(x, repeats, axis):
    shape = [n * repeats if a == axis else n for a, n in enumerate(x.shape)]
    return pick(x, shape, lambda *i: tuple(k // repeats if a == axis else k for a, k in enumerate(i)))


def roll(x, shift, axis):
    return pick(x, x.shape, lambda *i: tuple((k - shift) % x.shape[a] if a == axis else k for a, k in enumerate(i)))


def get_item(x, index):
    return x[index]                      # NumPy's own basic indexing is what ours is defined by


def pad(x, pad_width, constant_values=0):
    y = np.full([b + n + a for n, (b, a) in zip(x.shape, pad_width, strict=True)], constant_values, x.dtype)
    for i in np.ndindex(*x.shape):
        y[tuple(k + b for k, (b, _) in zip(i, pad_width, strict=True))] = x[i]
    return y


def concatenate(*xs, axis=-1):
    axis %= xs[0].ndim
    shape = list(xs[0].shape)
    shape[axis] = sum(x.shape[axis] for x in xs)
    y, start = np.empty(shape, xs[0].dtype), 0
    for x in xs:
        for i in np.ndindex(*x.shape):
            y[tuple(k + start if a == axis else k for a, k in enumerate(i))] = x[i]
        start += x.shape[axis]
    return y


def stack(*xs, axis=0):
    return concatenate(*[np.expand_dims(x, axis) for x in xs], axis=axis)


def take(x, indices, axis):
    rows = np.moveaxis(x, axis, 0)
    y = np.empty(indices.shape + rows.shape[1:], x.dtype)
    for i in np.ndindex(*indices.shape):
        y[i] = rows[indices[i]]
    return np.moveaxis(y, range(indices.ndim), range(axis, axis + indices.ndim))


def one_hot(x, num_classes, dtype="float32"):
    y = np.zeros((*x.shape, num_classes), int)
    for i in np.ndindex(*x.shape):
        y[(*i, x[i])] = 1
    return y


def embedding(ids, table, input_dim, output_dim):
    return np.array([table[i] for i in ids.reshape(-1)]).reshape(*ids.shape, output_dim)


def masking(x, mask_value):
    return x * np.any(x != mask_value, -1, keepdims=True)


def hardmax(x, axis=-1):
    moved = np.moveaxis(x, axis, -1)
    y = np.zeros_like(moved)
    for i in np.ndindex(*moved.shape[:-1]):
        y[i][list(moved[i]).index(max(moved[i]))] = 1
    return np.moveaxis(y, -1, axis)
