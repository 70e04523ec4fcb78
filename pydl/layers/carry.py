"""State that goes on from call to call: what stateful layers share."""
from pydl.backends import cpu
from pydl.errors import ShapeError
from pydl.ops.move import strides_of
from pydl.tensor import made_by, no_grad


class Carry:
    """The part of a recurrent layer that keeps its last state for the next call.  Layers say `stateful`, and `carried_sizes`: one for each of their states."""
    _carried, _rows = {}, None          # batch size -> Arrays of the state; the batch size in use

    def carry(self, n):
        """The Arrays of the state of n sequences; another number of them needs reset_states() first."""
        if self._rows not in (None, n):
            raise ShapeError(f"{self.who}: it is stateful and carries the state of {self._rows} sequences, got {n}; call reset_states() before other ones")
        object.__setattr__(self, "_rows", n)
        if n not in self._carried:
            object.__setattr__(self, "_carried", {**self._carried, n: [cpu.owned((n, size), self.dtype) for size in self.carried_sizes]})
        return self._carried[n]

    def reset_states(self):
        """Set the state that a stateful layer carries from call to call to zeros."""
        for arrays in self._carried.values():
            for array in arrays:
                cpu.fill(array, 0.0)
        object.__setattr__(self, "_rows", None)

    reset_state = reset_states


def copy(source, target):
    """Overwrite one Array by another of the same shape."""
    strides = strides_of(source.shape)
    cpu.strided_copy(source, 0, strides, target, 0, strides, source.shape)


def copied(array):
    """A Tensor with a copy of the state, which the call will overwrite."""
    with no_grad():
        values = cpu.empty(array.shape, array.dtype)
        copy(array, values)
    return made_by(values, None, 0)
