"""Arithmetic on Tensors in Python's own signs: + - * / // % ** @, negation, comparisons, [ ].

They are attached here, so that tensor.py need not know the ops.  `==` compares elements, as in NumPy; to find a tensor in a list, use `is`.
"""
from pydl.ops.arithmetic import add, divide, floor_divide, mod, multiply, power, subtract
from pydl.ops.compare import equal, greater, greater_equal, less, less_equal, logical_and, logical_not, logical_or, not_equal
from pydl.ops.elementwise import absolute, negative
from pydl.ops.join import get_item
from pydl.ops.matmul import matmul
from pydl.tensor import Tensor


def _signs(name, function):
    """x <sign> y and its mirror, for what is on the other side but is no Tensor."""
    setattr(Tensor, f"__{name}__", lambda x, y: function(x, y))
    setattr(Tensor, f"__r{name}__", lambda x, y: function(y, x))


def _comparison(name, function):
    def compare(x, y):
        return NotImplemented if y is None or isinstance(y, str) else function(x, y)
    setattr(Tensor, f"__{name}__", compare)


for _name, _function in {"add": add, "sub": subtract, "mul": multiply, "truediv": divide, "floordiv": floor_divide, "mod": mod, "pow": power,
                         "matmul": matmul, "and": logical_and, "or": logical_or}.items():
    _signs(_name, _function)
for _name, _function in {"eq": equal, "ne": not_equal, "lt": less, "le": less_equal, "gt": greater, "ge": greater_equal}.items():
    _comparison(_name, _function)
Tensor.__neg__ = lambda x: negative(x)
Tensor.__pos__ = lambda x: x
Tensor.__abs__ = lambda x: absolute(x)
Tensor.__invert__ = lambda x: logical_not(x)
Tensor.__getitem__ = lambda x, index: get_item(x, index)
