"""Op and backward: a small tape of coarse operations.

The graph hangs off its results: a tensor holds the op that made it, an op holds edges to the ops (or leaf tensors)
before it, and nothing points forward, so memory goes by reference counting.  There are no second derivatives.
"""
import heapq
import itertools

import numpy as np

from pydl.backends import cpu as B
from pydl.tensor import Tensor, as_tensor, gradients_wanted, made_by

_creation = itertools.count()


class Op:
    """One function with its backward.  Subclasses define `forward(B, *arrays)` and `backward(B, *gradients)`.

    forward returns an Array or a tuple of Arrays and keeps on `self` the smallest thing backward needs;
    backward gets the gradient of the loss by each result (None where the loss does not depend on it, if
    there are several results) and returns one Array or None per input.  `self.needs[i]` says whether input i wants
    a gradient, in forward too.  An instance is used once.
    """
    needs = ()
    edges = None            # (producer or leaf tensor, index) an input, None where no gradient is wanted
    results = 1

    def __call__(self, *inputs):
        tracking = gradients_wanted()
        self.needs = tuple([tracking and t.needs_gradient for t in inputs])
        out = self.forward(B, *[t.array for t in inputs])
        several = type(out) is tuple
        if True in self.needs:
            self.edges = [(t if t.op is None else t.op, t.index) if need else None for t, need in zip(inputs, self.needs)]
            self.order = next(_creation)
            if several:
                self.results = len(out)
                return tuple([made_by(a, self if a.dtype.kind == "f" else None, i) for i, a in enumerate(out)])
            return made_by(out, self if out.dtype.kind == "f" else None, 0)
        self.__dict__.clear()
        if several:
            return tuple([made_by(a, None, i) for i, a in enumerate(out)])
        return made_by(out, None, 0)

    def forward(self, B, *arrays):
        raise TypeError(f"{type(self).__name__} defines no forward")

    def backward(self, B, *gradients):
        raise TypeError(f"{type(self).__name__} defines no backward: its inputs cannot be differentiated")


class RowGradient:
    """The gradient of a table of which a step used some rows: pieces (ids, dy), row ids[i] of the table has gradient dy[i], the others none.

    only: True where the optimizer must take it as it is, None where it may make it whole.  An op may return one for an input that is a leaf.
    """

    def __init__(self, pieces, shape, only=None):
        self.pieces, self.shape, self.only, self.dtype = pieces, shape, only, pieces[0][1].dtype

    def dense(self):
        """The gradient of the whole table, an Array."""
        total = None
        for ids, dy in self.pieces:
            whole = B.empty(self.shape, self.dtype)
            B.scatter_rows(dy, ids, whole)
            total = whole if total is None else added(total, whole)
        return total

    def by_rows(self):
        """(rows, found, sums): the distinct rows in rising order, how many (a number for kernels to read), and the gradient of each."""
        n, width = sum(ids.size for ids, _ in self.pieces), self.pieces[0][1].shape[-1]
        if len(self.pieces) == 1:
            ids, dy = self.pieces[0]
        else:
            ids, dy, at = B.empty((n,), "int64"), B.empty((n, width), self.dtype), 0
            for piece, values in self.pieces:
                whole = B.empty((piece.size,), "int64")
                B.cast(piece, whole)
                B.strided_copy(whole, 0, (1,), ids, at, (1,), (piece.size,))
                B.strided_copy(values, 0, (1,), dy, at * width, (1,), (values.size,))
                at += piece.size
        rows, found, sums = B.empty((n,), "int64"), B.empty((1,), "int64"), B.empty((n, width), self.dtype)
        B.sum_rows(dy, ids, self.shape[0], rows, found, sums)
        return rows, found, sums


def whole(gradient):
    """A gradient as an Array (or None)."""
    return gradient.dense() if isinstance(gradient, RowGradient) else gradient


def backward(loss, wanted, seed=None, by_rows=False):
    """Gradients of a scalar loss by each wanted tensor, as a list of Arrays; None where the loss does not depend on it.

    by_rows: whether gradients may be RowGradients, as optimizers take them.

    Ops are visited in the reverse order of their creation, from a heap: a chain of any length works.  Each op is
    taken apart as soon as it is done, so the arrays it kept go back to the arena.
    """
    if loss.op is None and not any(loss is t for t in wanted):
        if not loss.needs_gradient:
            raise ValueError("backward: the loss depends on nothing that needs a gradient "
                             "(was it computed under no_grad, or from constants only?)")
    if seed is None:
        if loss.size != 1:
            raise ValueError(f"backward: the loss must be a scalar, got shape {loss.shape}; reduce it first (mean, sum)")
        seed = B.from_numpy(np.ones(loss.shape, loss.dtype))
    slots = {}                          # what is wanted: (id of producer or leaf, index) -> gradient
    for t in wanted:
        slots[(id(t) if t.op is None else id(t.op), t.index)] = None
    pending, heap = {}, []              # op -> gradients of its results; ops by falling creation number

    def add(producer, index, dy):
        key = (id(producer), index)
        if key in slots:
            slots[key] = dy if slots[key] is None else added(slots[key], dy)
        if isinstance(producer, Tensor):
            return
        waiting = pending.get(id(producer))
        if waiting is None:
            if producer.edges is None:
                raise RuntimeError(f"backward: the graph through {type(producer).__name__} was already used; "
                                   "compute the loss again")
            waiting = pending[id(producer)] = [None] * producer.results
            heapq.heappush(heap, (-producer.order, producer))
        waiting[index] = dy if waiting[index] is None else added(waiting[index], dy)

    add(loss if loss.op is None else loss.op, loss.index, seed)
    del seed
    while heap:
        op = heapq.heappop(heap)[1]
        dys = pending.pop(id(op))
        dxs = op.backward(B, *dys)
        del dys
        if type(dxs) is not tuple:
            dxs = (dxs,)
        edges = op.edges
        op.__dict__.clear()             # what it kept is dead now
        for edge, dx in zip(edges, dxs):
            if edge is not None and dx is not None:
                add(*edge, dx)
        del dxs, edges, dx, edge
    found = [slots[(id(t) if t.op is None else id(t.op), t.index)] for t in wanted]
    return found if by_rows else [whole(g) for g in found]


def added(a, b):
    """a + b: the one place where gradients of a shared tensor are added up."""
    if isinstance(a, RowGradient) and isinstance(b, RowGradient):
        return RowGradient(a.pieces + b.pieces, a.shape, a.only)
    a, b = whole(a), whole(b)
    total = B.empty(a.shape, a.dtype)
    B.add(a, b, total)
    return total


def grad(function, wrt=0):
    """Make a function that returns the gradient of a scalar function.

    Args:
        function: takes tensors (or arrays), returns a scalar Tensor.
        wrt: what to differentiate by: the position of an argument (default 0), a tuple of positions, or a list of
            Parameters the function uses.
    Shapes: each gradient has the shape of what it is taken by.
    Dtypes: float32, float64.
    Raises: ValueError if the result is not a scalar or does not depend on any of them.

    Example:
        >>> import pydl
        >>> pydl.grad(lambda x: pydl.ops.sum(x * x))(pydl.Tensor([1.0, 2.0])).numpy().tolist()
        [2.0, 4.0]
    """
    both = value_and_grad(function, wrt)
    return lambda *args, **kwargs: both(*args, **kwargs)[1]


def value_and_grad(function, wrt=0):
    """Make a function that returns (value, gradient) of a scalar function in one pass.  Arguments as in `grad`.

    Example:
        >>> import pydl
        >>> value, slope = pydl.value_and_grad(lambda x: pydl.ops.sum(x * x))(pydl.Tensor([3.0]))
        >>> value.item(), slope.item()
        (9.0, 6.0)
    """
    if not callable(function):
        raise TypeError(f"grad: function must be callable, got {function!r}")
    single = isinstance(wrt, (int, Tensor)) and not isinstance(wrt, bool)
    targets = [wrt] if single else list(wrt) if isinstance(wrt, (tuple, list)) else [None]
    by_position = all(isinstance(t, int) for t in targets)
    if not targets or not (by_position or all(isinstance(t, Tensor) for t in targets)):
        raise TypeError(f"grad: wrt must be a position, a tuple of positions or a list of Parameters, got {wrt!r}")

    def both(*args, **kwargs):
        if by_position:
            args = list(args)
            for i in targets:
                if not -len(args) <= i < len(args):
                    raise ValueError(f"grad: wrt names argument {i}, the call has {len(args)}")
                given = as_tensor(args[i])
                if given.dtype.kind != "f":
                    raise TypeError(f"grad: argument {i} has dtype {given.dtype.name}; only floats have gradients")
                args[i] = made_by(given.array, None, 0)
                args[i].needs_gradient = True
            wanted = [args[i] for i in targets]
        else:
            wanted = targets
        value = function(*args, **kwargs)
        if not isinstance(value, Tensor):
            raise TypeError(f"grad: the function must return a Tensor, got {type(value).__name__}")
        arrays = backward(value, wanted)
        grads = [made_by(B.from_numpy(np.zeros(t.shape, t.dtype)) if a is None else a, None, 0) for t, a in zip(wanted, arrays)]
        return value, grads[0] if single else type(wrt)(grads)
    return both
