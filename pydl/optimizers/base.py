"""Optimizer: what every method of gradient descent shares.  One launch updates all parameters."""
import math
import warnings

import numpy as np

from pydl import registry
from pydl.autodiff import RowGradient
from pydl.backends import cpu as B
from pydl.constraints import constrain
from pydl.data.arrays import as_array
from pydl.errors import DTypeError, FormatError, ShapeError, in_range, integer, positive_int, show, string, suggestion
from pydl.kernels._common import Array
from pydl.schedules import LearningRateSchedule
from pydl.tensor import Parameter, Tensor, as_tensor, structure_changed

FIRST_SETTINGS = ("learning_rate", "weight_decay", "clipvalue")     # pydl_optim_hyper of optim.h; a method's own come behind


class Setting:
    """A number of an optimizer in low..high, kept where the kernels read it: it may be set between any two steps."""

    def __init__(self, low=0.0, high=None, low_open=False, high_open=False):
        self.bounds = {"low": low, "high": high, "low_open": low_open, "high_open": high_open}

    def __set_name__(self, owner, name):
        self.name = name

    def check(self, optimizer, value):
        return in_range(type(optimizer).__name__, self.name, value, **self.bounds)

    def __get__(self, optimizer, owner=None):
        return self if optimizer is None else optimizer._numbers[self.name]

    def __set__(self, optimizer, value):
        optimizer._write(self.name, self.check(optimizer, value))


class OptionalSetting(Setting):
    """A Setting that may be None; `none` is what the kernels read then."""

    def __init__(self, none, **bounds):
        super().__init__(**bounds)
        self.none = none

    def __set__(self, optimizer, value):
        number = None if value is None else self.check(optimizer, value)
        optimizer._write(self.name, number, self.none if number is None else number)


class FixedFlag:
    """True or False, chosen before the first step: it decides what the optimizer remembers."""

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, optimizer, owner=None):
        return self if optimizer is None else optimizer.__dict__[self.name]

    def __set__(self, optimizer, value):
        who = type(optimizer).__name__
        if not isinstance(value, (bool, np.bool_)):
            raise TypeError(f"{who}: {self.name} must be True or False, got {show(value)}")
        if optimizer.__dict__.get("built") and bool(value) != optimizer.__dict__[self.name]:
            raise ValueError(f"{who}: {self.name} is chosen before the first step; make a new optimizer")
        optimizer.__dict__[self.name] = bool(value)


class Optimizer:
    """A method of gradient descent: it owns the step count, the learning rate and what it remembers of each parameter.

    Every number may be set at any time (`optimizer.learning_rate = 0.01`), between replayed steps too: by a callback, or by another
    thread while `fit` runs.  Layers have a factor of their own: `layer.lr_multiplier = 0.1` lets its weights learn ten times as slowly.

    Args:      learning_rate: a number >= 0, or a schedule, which then sets it each step.
               weight_decay: w -= w * weight_decay * learning_rate before each step, whatever the gradient: the decoupled form.  (A
                   kernel_regularizer is the other form: it adds to the gradient, and a method with running means averages it too.)
               clipnorm: scale each gradient down to this norm;   global_clipnorm: all gradients together.
               clipvalue: cut every component to +-clipvalue.     At most one of the three.
               use_ema: keep running means of the weights, average = ema_momentum * average + (1 - ema_momentum) * w, which take the
               weights' place at every ema_overwrite_frequency-th step, and at the end of `fit`.
               gradient_accumulation_steps: take one step by the mean of so many calls' gradients.  Schedules and running means
               of weights count steps (in Keras, calls).
               name: how messages call it.
               There is no loss_scale_factor, which is for half precision: nothing here is computed in that.
    Raises:    ValueError or TypeError naming the argument.
    """
    settings = ()           # names of the numbers behind FIRST_SETTINGS in `hyper`, in the order of the kernel's struct
    weight_decay = OptionalSetting(0.0)
    clipvalue = OptionalSetting(math.inf, low_open=True)
    use_ema = FixedFlag()

    def __init__(self, learning_rate=0.001, weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, gradient_accumulation_steps=None, name=None):
        who = type(self).__name__
        self.name = who.lower() if name is None else string(who, "name", name)
        self.built = False
        self.parameters, self._slots, self._schedule, self._numbers = [], {}, None, {}
        self._without_decay, self._names_without_decay = set(), []
        self.hyper = B.owned((len(FIRST_SETTINGS) + len(self.settings),), "float64")
        self._iterations = B.owned((1,), "int64")
        self._limit, self._clipnorm, self._global_clipnorm = B.owned((1,), "float64"), None, None
        given = [n for n, v in (("clipnorm", clipnorm), ("clipvalue", clipvalue), ("global_clipnorm", global_clipnorm)) if v is not None]
        if len(given) > 1:
            raise ValueError(f"{who}: give one of clipnorm, clipvalue and global_clipnorm, not {' and '.join(given)}")
        self.learning_rate = learning_rate
        self.weight_decay, self.clipvalue, self.clipnorm, self.global_clipnorm = weight_decay, clipvalue, clipnorm, global_clipnorm
        self.use_ema, self._ema_momentum, self._averages = use_ema, B.owned((1,), "float64"), {}
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = None if ema_overwrite_frequency is None else positive_int(who, "ema_overwrite_frequency", ema_overwrite_frequency)
        self.gradient_accumulation_steps = None if gradient_accumulation_steps is None else integer(
            who, "gradient_accumulation_steps", gradient_accumulation_steps, low=2)
        self._calls, self._sums = B.owned((1,), "int64"), {}

    # ---- settings

    def _write(self, name, value, read=None):
        """Keep a setting, and put it where kernels read it."""
        if name == "weight_decay" and self.built and bool(value) != bool(self._numbers[name]):
            structure_changed()                         # it decides whether a step may go by rows
        self._numbers[name] = value
        B.set_number(self.hyper, value if read is None else read, (FIRST_SETTINGS + self.settings).index(name))

    @property
    def learning_rate(self):
        """The rate of the next step, as a float.  It can be set to a number, or to a schedule."""
        if self._schedule is not None:
            return float(self._schedule(self.iterations))
        return self._numbers["learning_rate"]

    @learning_rate.setter
    def learning_rate(self, value):
        who = type(self).__name__
        if isinstance(value, LearningRateSchedule):
            if self.built and self._schedule is not value:
                structure_changed()                 # recorded steps hold the old one
            self._schedule = value
            self._write("learning_rate", float(value(self.iterations)))
            return
        if self._schedule is not None:
            raise TypeError(f"{who}: the learning rate follows {type(self._schedule).__name__}, so it cannot be set to a number; set another schedule, "
                            "or make a new optimizer")
        self._write("learning_rate", in_range(who, "learning_rate", value, 0))

    @property
    def iterations(self):
        """How many steps were taken."""
        return B.number(self._iterations)

    @iterations.setter
    def iterations(self, value):
        B.set_number(self._iterations, int(in_range(type(self).__name__, "iterations", value, 0)))

    @property
    def ema_momentum(self):
        """How much of the running means of the weights a step keeps."""
        return B.number(self._ema_momentum)

    @ema_momentum.setter
    def ema_momentum(self, value):
        B.set_number(self._ema_momentum, in_range(type(self).__name__, "ema_momentum", value, 0, 1, high_open=True))

    def _set_limit(self, name, value, other):
        if value is not None:
            value = in_range(type(self).__name__, name, value, 0, low_open=True)
            if getattr(self, "_" + other) is not None or self.clipvalue is not None:
                raise ValueError(f"{type(self).__name__}: give one of clipnorm, clipvalue and global_clipnorm")
            B.set_number(self._limit, value)
        if self.built and (value is None) != (getattr(self, "_" + name) is None):
            structure_changed()                     # steps have one kernel more, or less
        setattr(self, "_" + name, value)

    clipnorm = property(lambda self: self._clipnorm, lambda self, value: self._set_limit("clipnorm", value, "global_clipnorm"),
                        doc="The largest norm of each gradient; None for no limit.")
    global_clipnorm = property(lambda self: self._global_clipnorm, lambda self, value: self._set_limit("global_clipnorm", value, "clipnorm"),
                               doc="The largest norm of all gradients together; None for no limit.")

    # ---- what a method defines

    def kernel(self):
        """The name of the kernel that updates the parameters."""
        raise TypeError(f"{type(self).__name__}: an optimizer of yours defines apply(grads, trainable_variables)")

    def slot_names(self):
        """Groups of names of what is remembered, an array of the parameter's shape each: those of a group are stored together."""
        return ()

    def slot_start(self, name):
        """The value a slot begins with."""
        return 0.0

    # ---- steps

    def build(self, variables):
        """Make room for what is remembered of each parameter; those known already keep theirs."""
        variables = list(variables)
        for p in variables:
            if not isinstance(p, Parameter):
                raise TypeError(f"{type(self).__name__}: build: expected Parameters, got {show(p)}")
            if id(p) not in self._slots:
                names = [n for group in self.slot_names() for n in group]
                arrays = {n: B.owned(p.shape, p.dtype) for n in names}
                for n, array in arrays.items():
                    if self.slot_start(n):
                        B.fill(array, self.slot_start(n))
                self._slots[id(p)] = arrays
                if self.use_ema:
                    self._averages[id(p)] = B.owned(p.shape, p.dtype)
                if self.gradient_accumulation_steps:
                    self._sums[id(p)] = B.owned(p.shape, p.dtype)
        known = {id(p) for p in variables}
        self.parameters = variables + [p for p in self.parameters if id(p) not in known]
        self.built = True

    def apply(self, grads, trainable_variables=None):
        """Take one step: update every parameter by its gradient, in one launch.

        Args:      grads: gradients in the order of trainable_variables (of `build`'s, by default), or pairs (gradient, parameter).
                   None stands for "no gradient": that parameter stays.
        Raises:    ValueError if there is no gradient at all, ShapeError or DTypeError naming the parameter.
        """
        pairs = self._pairs(list(grads), trainable_variables)
        if not self.built:
            self.build([p for _, p in pairs])
        who = type(self).__name__
        groups, owners = {}, {}
        for g, p in pairs:
            if g is None:
                continue
            slots = self._slots.get(id(p))
            if slots is None:
                raise ValueError(f"{who}: '{p.name}' is not among the parameters this optimizer was built for; call build with all of them first")
            if isinstance(g, RowGradient):
                g = g if self._takes_rows(g, p) else g.dense()
            if isinstance(g, RowGradient):
                rows, found, g = g.by_rows()
                entry = [p.array, g, *[slots[n] for n in self.slot_order()]]
                groups.setdefault(p.dtype, []).append((*entry, *[None] * (5 - len(entry)), p.lr_multiplier, self._decay_of(p), (rows, found)))
                owners.setdefault(p.dtype, []).append(id(p))
                continue
            g = g if isinstance(g, Array) else g.array if isinstance(g, Tensor) else as_tensor(g, p.dtype).array
            if g.shape != p.shape:
                raise ShapeError(f"{who}: '{p.name}' has shape {p.shape}, its gradient {g.shape}")
            if g.dtype != p.dtype:
                raise DTypeError(f"{who}: '{p.name}' is {p.dtype.name}, its gradient {g.dtype.name}")
            entry = [p.array, g, *[slots[n] for n in self.slot_order()]]
            groups.setdefault(p.dtype, []).append((*entry, *[None] * (5 - len(entry)), p.lr_multiplier, self._decay_of(p)))
            owners.setdefault(p.dtype, []).append(id(p))
        if not groups:
            raise ValueError(f"{who}: no parameter has a gradient; is the loss computed from trainable parameters?")
        if self._schedule is not None:
            self._schedule.write(self._iterations, self.hyper)
        gate, every = None, 1
        if self.gradient_accumulation_steps:
            if len(groups) > 1:
                raise DTypeError(f"{who}: gradient_accumulation_steps needs parameters of one dtype, here are float32 and float64")
            (dtype, entries), gate, every = next(iter(groups.items())), self._calls, self.gradient_accumulation_steps
            sums = [self._sums[owner] for owner in owners[dtype]]
            B.accumulate_gradients([(*e[:2], s, None, None, 1.0, 1.0) for e, s in zip(entries, sums)], self._calls, every)
            groups[dtype] = [(e[0], s, *e[2:]) for e, s in zip(entries, sums)]
        update = getattr(B, self.kernel() + "_update")
        for i, entries in enumerate(groups.values()):
            update(entries, self.hyper, self._clip_factors(entries, len(groups)), self._iterations, 1 if i == len(groups) - 1 else 0, gate, every)
        if self.use_ema:
            for dtype, entries in groups.items():
                averaged = [(e[0], e[0], self._averages[owner], None, None, 1.0, 1.0) for e, owner in zip(entries, owners[dtype])]
                B.average_weights(averaged, self._ema_momentum, self._iterations, self.ema_overwrite_frequency or 0, gate, every)
        constrain([p for g, p in pairs if g is not None])

    def _takes_rows(self, gradient, p):
        """Whether the step goes by the rows of a RowGradient, or by all of the parameter."""
        everywhere = [what for what, there in (("use_ema", self.use_ema), ("gradient_accumulation_steps", self.gradient_accumulation_steps),
                                               ("a constraint", p.constraint is not None)) if there]
        if gradient.only and everywhere:
            raise ValueError(f"{type(self).__name__}: '{p.name}' has sparse=True, but {everywhere[0]} concerns all of its rows at every step; "
                             "use sparse=False, or leave the other out")
        return bool(gradient.only) or (self.rows_are_enough() and not self.weight_decay and not everywhere)

    def rows_are_enough(self):
        """Whether a row whose gradient is zero stays as it is, with all that is remembered of it: then a step may leave it out."""
        return False

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Leave some parameters out of the weight decay: biases, for example.

        Args:      var_list: Parameters.
                   var_names: names of Parameters, such as ["bias", "gamma", "beta"]; these are saved with the optimizer.
        """
        who = f"{type(self).__name__}: exclude_from_weight_decay"
        for p in var_list or ():
            if not isinstance(p, Parameter):
                raise TypeError(f"{who}: var_list must hold Parameters, got {show(p)}")
            self._without_decay.add(id(p))
        if isinstance(var_names, str):
            raise TypeError(f"{who}: var_names must be a list of names, got {show(var_names)}")
        self._names_without_decay += [string(who, "var_names", name) for name in var_names or () if name not in self._names_without_decay]
        structure_changed()                     # recorded steps hold a factor a parameter

    def _decay_of(self, p):
        return 0.0 if id(p) in self._without_decay or p.name in self._names_without_decay else 1.0

    def finalize_variable_values(self, var_list):
        """With use_ema, put the running means in the place of the weights: what `fit` does at its end."""
        if self.use_ema and self.iterations:
            for p in var_list:
                if id(p) in self._averages:
                    B.cast(self._averages[id(p)], p.array)

    def apply_gradients(self, grads_and_vars):
        """Take one step by pairs (gradient, parameter): `apply` under Keras's older name."""
        self.apply(grads_and_vars)
        return self.iterations

    def assign(self, variable, value):
        """Overwrite a parameter by an array of its shape, or a number: what an optimizer written for Keras calls."""
        self._change("assign", variable, value, lambda old, new: new)

    def assign_add(self, variable, value):
        """Add an array of its shape, or a number, to a parameter."""
        self._change("assign_add", variable, value, np.add)

    def assign_sub(self, variable, value):
        """Subtract an array of its shape, or a number, from a parameter."""
        self._change("assign_sub", variable, value, np.subtract)

    def _change(self, what, variable, value, change):
        who = f"{type(self).__name__}: {what}"
        if not isinstance(variable, Parameter):
            raise TypeError(f"{who}: variable must be a Parameter, got {show(variable)}")
        value = as_array(who, "value", value)
        if value.shape not in ((), variable.shape):
            raise ShapeError(f"{who}: '{variable.name}' has shape {variable.shape}, value {value.shape}")
        variable.assign(np.broadcast_to(change(variable.numpy(), value), variable.shape))

    def slot_order(self):
        """The slots as the kernel counts them: s0, s1, s2."""
        return [n for group in self.slot_names() for n in group]

    def _pairs(self, grads, variables):
        who = type(self).__name__
        if variables is not None:
            variables = list(variables)
        elif grads and all(isinstance(entry, (tuple, list)) and len(entry) == 2 and isinstance(entry[1], Parameter) for entry in grads):
            grads, variables = [g for g, _ in grads], [p for _, p in grads]
        else:
            variables = self.parameters
        if len(grads) != len(variables):
            raise ValueError(f"{who}: {len(grads)} gradients for {len(variables)} parameters")
        for p in variables:
            if not isinstance(p, Parameter):
                raise TypeError(f"{who}: expected Parameters, got {show(p)}")
        return list(zip(grads, variables))

    def _clip_factors(self, entries, groups):
        if self._clipnorm is None and self._global_clipnorm is None:
            return None
        factors = B.empty((len(entries),), "float64")
        if self._clipnorm is not None:
            B.clip_norm(entries, self._limit, factors)
        else:
            if groups > 1:
                raise DTypeError(f"{type(self).__name__}: global_clipnorm needs parameters of one dtype, here are float32 and float64")
            B.clip_global_norm(entries, self._limit, factors)
        return factors

    # ---- state

    @property
    def variables(self):
        """Arrays of the state: iterations, learning rate, then what is remembered, group by group, parameter by parameter."""
        return [np.array(self._iterations), np.array([self.learning_rate]), *[np.array(a) for a in self._saved_slots()]]

    def _saved_slots(self):
        calls = [self._calls] if self.gradient_accumulation_steps else []
        around = [kept[id(p)] for kept in (self._averages, self._sums) if kept for p in self.parameters]
        return calls + around + [self._slots[id(p)][n] for group in self.slot_names() for p in self.parameters for n in group]

    def numbers(self):
        """Return the settings that may change while training runs, by name: what a learning rate's neighbours are now."""
        settings = [name for name in self._numbers if name != "learning_rate" and isinstance(getattr(type(self), name, None), Setting)]
        return {name: getattr(self, name) for name in [*settings, "clipnorm", "global_clipnorm", "ema_momentum"]}

    def set_number(self, name, value):
        """Set one of `numbers`."""
        if name not in self.numbers():
            raise ValueError(f"{type(self).__name__}: has no number {show(name)}{suggestion(name, self.numbers())}")
        if getattr(self, name) != value:
            setattr(self, name, value)

    def swap_averages(self, variables):
        """With use_ema, exchange the weights and their running means; what a second call undoes."""
        if not self.use_ema:
            raise ValueError(f"{type(self).__name__}: swap_averages needs use_ema=True")
        if self.iterations:                     # before the first step there are no means
            for p in variables:
                average = self._averages.get(id(p))
                if average is not None:
                    values = np.array(p.array)
                    B.cast(average, p.array)
                    B.assign(average, values)

    def get_state(self):
        """Return copies of `variables`, for saving."""
        return self.variables

    def set_state(self, arrays):
        """Restore what `get_state` returned; the optimizer must be built for the same parameters.

        Raises:    FormatError if number or shapes do not fit; nothing is changed then."""
        who = type(self).__name__
        slots, arrays = self._saved_slots(), [np.asarray(a) for a in arrays]
        if len(arrays) != 2 + len(slots):
            raise FormatError(f"{who}: the state has {len(arrays)} arrays, expected {2 + len(slots)} for {len(self.parameters)} parameters")
        for i, (target, a) in enumerate(zip(slots, arrays[2:])):
            if a.shape != target.shape or a.dtype != target.dtype:
                raise FormatError(f"{who}: array {i + 2} of the state is {a.dtype} {a.shape}, expected {target.dtype} {target.shape}")
        if arrays[0].size != 1 or arrays[0].dtype.kind not in "iu" or arrays[1].size != 1 or arrays[1].dtype.kind != "f":
            raise FormatError(f"{who}: the state must begin with the number of iterations and the learning rate")
        iterations, rate = int(arrays[0].reshape(())), float(arrays[1].reshape(()))
        if iterations < 0 or not (math.isfinite(rate) and rate >= 0):
            raise FormatError(f"{who}: the state has {iterations} iterations and the learning rate {rate}")
        self.iterations = iterations
        if self._schedule is None:
            self.learning_rate = rate
        for target, a in zip(slots, arrays[2:]):
            B.assign(target, a)

    def save_own_variables(self, store):
        """Put `variables` into a dict, or what is used like one, under "0", "1", ...: Keras's form of `get_state`."""
        for i, array in enumerate(self.variables):
            store[str(i)] = array

    def load_own_variables(self, store):
        """Restore what `save_own_variables` put there; the optimizer must be built for the same parameters."""
        missing = next((i for i in range(len(store)) if str(i) not in store), None)
        if missing is not None:
            raise FormatError(f"{type(self).__name__}: load_own_variables: the store lacks array '{missing}' of {len(store)}")
        self.set_state([store[str(i)] for i in range(len(store))])

    # ---- config

    def get_config(self):
        """Return the constructor's arguments by name."""
        rate = registry.serialize(self._schedule) if self._schedule is not None else self.learning_rate
        return {"learning_rate": rate, "weight_decay": self.weight_decay, "clipnorm": self.clipnorm, "clipvalue": self.clipvalue,
                "global_clipnorm": self.global_clipnorm, "use_ema": self.use_ema, "ema_momentum": self.ema_momentum,
                "ema_overwrite_frequency": self.ema_overwrite_frequency, "gradient_accumulation_steps": self.gradient_accumulation_steps, "name": self.name,
                **({"exclude_from_weight_decay": list(self._names_without_decay)} if self._names_without_decay else {}),
                **{n: self._numbers[n] for n in self.settings if n in self._numbers}}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Build an optimizer from its `get_config()`; custom_objects: a dict from names to classes of yours, for its schedule."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = registry.deserialize(config["learning_rate"], custom_objects, kind=LearningRateSchedule)
        without = config.pop("exclude_from_weight_decay", None)
        optimizer = cls(**config)
        if without:
            optimizer.exclude_from_weight_decay(var_names=without)
        return optimizer

    def __reduce__(self):
        """A copy, by `copy.copy`, `copy.deepcopy` or pickle, has the settings, and begins anew: what is remembered belongs to weights, and goes with
        a copy of their model."""
        if self.iterations:
            warnings.warn(f"{type(self).__name__}: the copy of an optimizer begins anew; after {self.iterations} steps this one remembers things of "
                          f"{len(self.parameters)} parameters, which a copy of their model has too", stacklevel=3)
        with registry.gathered() as own:
            return registry.deserialize, (registry.serialize(self), own)

    def __repr__(self):
        return f"<{type(self).__name__} '{self.name}', learning rate {self.learning_rate:g}, {self.iterations} steps>"
