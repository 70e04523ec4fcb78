"""Bad calls that make models.  See bad_input_rows.py."""
import numpy as np
from bad_input_rows import VECTOR, call

import pydl
from pydl import layers as L
from pydl import losses

# ---------------------------------------------------------------------------------------------------- models: making


def tiny(compiled=True, name="tiny", **options):
    """A built model of 4 inputs and 3 classes."""
    model = pydl.Sequential([L.Input((4,)), L.Dense(5, activation="relu"), L.Dense(3)], name=name)
    if compiled:
        model.compile(**{"optimizer": "sgd", "loss": losses.SparseCategoricalCrossentropy(from_logits=True), "metrics": ["accuracy"], **options})
    return model


def regressor(**options):
    model = pydl.Sequential([L.Input((4,)), L.Dense(2)], name="regressor")
    model.compile(**{"optimizer": "sgd", "loss": "mse", **options})
    return model


def two_headed():
    x = L.Input((4,), name="features")
    model = pydl.Model(x, [L.Dense(2, name="left")(x), L.Dense(1, name="right")(x)], name="heads")
    model.compile("sgd", "mse")
    return model


call("P16", "Sequential of a class", lambda: pydl.Sequential([L.Dense]), lambda: pydl.Sequential([L.Dense(3)]), "layer")
call("P16", "Sequential of a number", lambda: pydl.Sequential([3]), lambda: pydl.Sequential([L.Dense(3)]), "layer")
call("P16", "Sequential of a layer", lambda: pydl.Sequential(L.Dense(3)), lambda: pydl.Sequential([L.Dense(3)]), "layers")
call("P16", "Sequential of text", lambda: pydl.Sequential("dense"), lambda: pydl.Sequential([L.Dense(3)]), "layer")
call(
    "P05",
    "Sequential with a name twice",
    lambda: pydl.Sequential([L.Dense(3, name="a"), L.Dense(3, name="a")]),
    lambda: pydl.Sequential([L.Dense(3, name="a"), L.Dense(3, name="b")]),
    "'a'",
)
call("P18", "Sequential with a late Input", lambda: pydl.Sequential([L.Dense(3), L.Input((4,))]), lambda: pydl.Sequential([L.Input((4,)), L.Dense(3)]), "Input")
call(
    "P07",
    "Sequential that does not fit",
    lambda: pydl.Sequential([L.Input((4, 4, 1)), L.Conv2D(2, 3, name="first"), L.Conv2D(2, 3, name="second")]),
    lambda: pydl.Sequential([L.Input((8, 8, 1)), L.Conv2D(2, 3), L.Conv2D(2, 3)]),
    "second",
)
call(
    "P06",
    "Sequential of dense then conv",
    lambda: pydl.Sequential([L.Input((4,)), L.Dense(3), L.Conv2D(2, 3, name="late")]),
    lambda: pydl.Sequential([L.Input((4,)), L.Dense(3), L.Dense(3)]),
    "late",
)
call("P18", "pop from nothing", lambda: pydl.Sequential(name="bare").pop(), lambda: pydl.Sequential([L.Dense(2)]).pop(), "bare")
call("P18", "predict without layers", lambda: pydl.Sequential(name="bare").predict(VECTOR), lambda: tiny().predict(VECTOR), "bare", "layers")
call("P16", "summary in lines of text", lambda: tiny().summary(line_length="a"), lambda: tiny().summary(line_length=40, print_fn=str), "tiny", "line_length")
call("P01", "summary in lines of nothing", lambda: tiny().summary(line_length=0), lambda: tiny().summary(line_length=40, print_fn=str), "tiny", "line_length")
call(
    "P18",
    "summary before it is built",
    lambda: pydl.Sequential([L.Dense(2)], name="unbuilt").summary(print_fn=str),
    lambda: tiny().summary(print_fn=str),
    "unbuilt",
)
call(
    "P20",
    "a model inside itself",
    lambda: (lambda m: m.add(m))(pydl.Sequential([L.Dense(2)], name="snake")),
    lambda: pydl.Sequential([L.Dense(2)]).add(L.Dense(2)),
    "snake",
)
call(
    "P20",
    "two models inside each other",
    lambda: (lambda a, b: (a.add(b), b.add(a)))(pydl.Sequential(name="head"), pydl.Sequential(name="tail")),
    lambda: pydl.Sequential().add(pydl.Sequential([L.Dense(2)])),
    "head",
    "tail",
)
call("P16", "Model without outputs", lambda: pydl.Model(L.Input((4,))), lambda: (lambda x: pydl.Model(x, L.Dense(2)(x)))(L.Input((4,))), "outputs")
call("P16", "Model of arrays", lambda: pydl.Model(VECTOR, VECTOR), lambda: (lambda x: pydl.Model(x, L.Dense(2)(x)))(L.Input((4,))), "inputs")
call(
    "P05",
    "Model that misses an input",
    lambda: pydl.Model(L.Input((4,)), L.Dense(2)(L.Input((4,), name="other"))),
    lambda: (lambda x: pydl.Model(x, L.Dense(2)(x)))(L.Input((4,))),
    "other",
)
call("P05", "functional shapes", lambda: L.Add(name="join")([L.Input((4,)), L.Input((5,))]), lambda: L.Add(name="join")([L.Input((4,)), L.Input((4,))]), "join")
call("P16", "arithmetic on a Symbol", lambda: L.Input((4,)) + 1, lambda: L.Dense(2)(L.Input((4,))), "Symbol")
call("P16", "a Symbol as an array", lambda: np.asarray(L.Input((4,))), lambda: np.asarray(VECTOR), "Symbol")
call("P16", "a Symbol as a truth", lambda: bool(L.Input((4,))), lambda: bool(VECTOR.any()), "Symbol")
call("P16", "get_layer of no name", lambda: tiny().get_layer("dense_99"), lambda: tiny().get_layer(index=0), "dense_99")
call("P07", "get_layer past the end", lambda: tiny().get_layer(index=9), lambda: tiny().get_layer(index=1), "tiny", "layer 9")
call("P16", "get_layer of nothing", lambda: tiny().get_layer(), lambda: tiny().get_layer(index=1), "get_layer")


class Silent(L.Layer):
    def call(self, x):
        return 3.0


class NoSuper(L.Layer):
    def __init__(self):
        self.units = 3

    def call(self, x):
        return x


class Early(L.Layer):
    def __init__(self):
        self.w = self.add_weight((3,))
        super().__init__()


class Fine(L.Layer):
    def call(self, x):
        return x * 2


def one_layer(layer):
    model = pydl.Sequential([L.Input((4,)), layer], name="custom")
    return model.predict(VECTOR)


call("P16", "custom layer that returns a number", lambda: one_layer(Silent()), lambda: one_layer(Fine()), "Silent", "Tensor")
call("P18", "custom layer without super", lambda: NoSuper()(VECTOR), lambda: Fine()(VECTOR), "NoSuper")
call("P18", "custom layer with early weights", lambda: Early(), lambda: Fine(), "Early")
call("P18", "custom layer without call", lambda: L.Layer()(VECTOR), lambda: Fine()(VECTOR), "call")
