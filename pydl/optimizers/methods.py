"""The methods: SGD, RMSprop, Adam and their kin.  Formulas as Keras 3; csrc/optim.h has them."""
import numpy as np

from pydl.backends import cpu as B
from pydl.errors import FormatError, boolean, in_range
from pydl.optimizers.base import FixedFlag, Optimizer, Setting


class Momentum(Setting):
    """A momentum in [0, 1): whether it is 0 is chosen before the first step."""

    def __init__(self):
        super().__init__(0, 1, high_open=True)

    def __set__(self, optimizer, value):
        value = self.check(optimizer, value)
        if optimizer.built and value and not optimizer._numbers[self.name]:
            raise ValueError(f"{type(optimizer).__name__}: {self.name} was 0 at the first step, so nothing is remembered; make a new optimizer")
        optimizer._write(self.name, value)
        if not optimizer.built:
            optimizer.remembers = value > 0


class SGD(Optimizer):
    """Gradient descent, with momentum and Nesterov's look-ahead.

    w -= lr g;    with momentum: v = momentum v - lr g,  w += v;    nesterov: w += momentum v - lr g.
    averaged (not in Keras): v = momentum v + (1 - momentum) g,  w -= lr v: the exponentially weighted average of the textbook,
    which bias_correction divides by 1 - momentum^t.

    Args:      learning_rate: 0.01 by default.    momentum: in [0, 1).    nesterov, averaged, bias_correction: flags.
               The others as in Optimizer.
    Example:
        >>> import pydl
        >>> w = pydl.Parameter([1.0, 2.0])
        >>> pydl.optimizers.SGD(0.5).apply([[1.0, 6.0]], [w])
        >>> w.numpy().tolist()
        [0.5, -1.0]
    """
    settings = ("momentum", "bias_correction")
    momentum, nesterov, averaged = Momentum(), FixedFlag(), FixedFlag()

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 gradient_accumulation_steps=None, name="SGD", *, averaged=False, bias_correction=False):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, gradient_accumulation_steps, name)
        self.momentum, self.nesterov, self.averaged = momentum, nesterov, averaged
        self.bias_correction = boolean("SGD", "bias_correction", bias_correction)
        if self.bias_correction and not self.averaged:
            raise ValueError("SGD: bias_correction belongs to averaged=True; the other momentum starts without bias")
        self._write("bias_correction", self.bias_correction, float(self.bias_correction))

    def rows_are_enough(self):
        return not self.remembers

    def kernel(self):
        if not self.remembers:
            return "sgd"
        return ("averaged_" if self.averaged else "") + ("nesterov" if self.nesterov else "momentum")

    def slot_names(self):
        return (("momentum",),) if self.remembers else ()

    def get_config(self):
        return {**super().get_config(), "nesterov": self.nesterov, "averaged": self.averaged}


class RMSprop(Optimizer):
    """Divide by a running root mean square of the gradient.

    v = rho v + (1 - rho) g^2,  w -= lr g / sqrt(v + epsilon);    centered subtracts the square of the running mean of g under the root;
    with momentum the step is remembered: m = momentum m + step,  w -= m.

    Args:      rho: in [0, 1).    momentum: in [0, 1).    epsilon: inside the root, 1e-7.    centered: a flag.
    Source:    Tieleman and Hinton, lecture 6.5, 2012.
    """
    settings = ("rho", "momentum", "epsilon")
    rho, momentum, epsilon, centered = Setting(0, 1, high_open=True), Momentum(), Setting(), FixedFlag()

    def __init__(self, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 gradient_accumulation_steps=None, name="rmsprop"):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, gradient_accumulation_steps, name)
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered

    def kernel(self):
        return "rmsprop" + ("_centered" if self.centered else "") + ("_momentum" if self.remembers else "")

    def slot_names(self):
        return (("velocity",), *([("momentum",)] if self.remembers else []), *([("average_gradient",)] if self.centered else []))

    def get_config(self):
        return {**super().get_config(), "centered": self.centered}


class Adam(Optimizer):
    """Running means of the gradient and of its square, both corrected for their start.

    m += (1 - beta_1) (g - m),  v += (1 - beta_2) (g^2 - v),
    w -= lr sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon): epsilon stands outside the corrected root, as in Keras.
    amsgrad puts the largest v so far under the root.

    Args:      beta_1, beta_2: in [0, 1).    epsilon: 1e-7.    amsgrad: a flag.
    Source:    Kingma and Ba, 2014, the formulation before section 2.1.
    Example:
        >>> import pydl
        >>> w = pydl.Parameter([1.0, 2.0])
        >>> pydl.optimizers.Adam(0.5).apply([[1.0, 6.0]], [w])
        >>> w.numpy().round(4).tolist()
        [0.5, 1.5]
    """
    settings = ("beta_1", "beta_2", "epsilon")
    beta_1, beta_2, epsilon, amsgrad = Setting(0, 1, high_open=True), Setting(0, 1, high_open=True), Setting(), FixedFlag()

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 gradient_accumulation_steps=None, name="adam"):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, gradient_accumulation_steps, name)
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad

    def kernel(self):
        return "amsgrad" if self.amsgrad else "adam"

    def slot_names(self):
        return (("momentum", "velocity"), *([("velocity_hat",)] if self.amsgrad else []))

    def get_config(self):
        return {**super().get_config(), "amsgrad": self.amsgrad}


class AdamW(Adam):
    """Adam with decoupled weight decay: w -= w * weight_decay * lr before each step.

    Source:    Loshchilov and Hutter, 2017.
    """

    def __init__(self, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 gradient_accumulation_steps=None, name="adamw"):
        if weight_decay is None:
            raise ValueError("AdamW: weight_decay must be a number >= 0, got None; Adam is the optimizer without it")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, gradient_accumulation_steps, name)


class Adamax(Optimizer):
    """Adam with the maximum in place of the root mean square.

    m += (1 - beta_1) (g - m),  u = max(beta_2 u, |g|),  w -= lr / (1 - beta_1^t) * m / (u + epsilon)

    Source:    Kingma and Ba, 2014, section 7.1.
    """
    settings = ("beta_1", "beta_2", "epsilon")
    beta_1, beta_2, epsilon = Setting(0, 1, high_open=True), Setting(0, 1, high_open=True), Setting()

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 gradient_accumulation_steps=None, name="adamax"):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, gradient_accumulation_steps, name)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def kernel(self):
        return "adamax"

    def slot_names(self):
        return (("momentum", "norm"),)


class Nadam(Optimizer):
    """Adam with Nesterov's look-ahead and a momentum that grows: beta_1 (1 - 0.5 * 0.96^t).

    Source:    Dozat, 2015.
    """
    settings = ("beta_1", "beta_2", "epsilon", "u_product")
    beta_1, beta_2, epsilon = Setting(0, 1, high_open=True), Setting(0, 1, high_open=True), Setting()

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 gradient_accumulation_steps=None, name="nadam"):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, gradient_accumulation_steps, name)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self._set_product(1.0)

    def _set_product(self, value):
        B.set_number(self.hyper, value, self.hyper.size - 1)

    def kernel(self):
        return "nadam"

    def slot_names(self):
        return (("momentum", "velocity"),)

    @property
    def variables(self):
        first, rate, *slots = super().variables
        return [first, rate, np.array([B.number(self.hyper, self.hyper.size - 1)]), *slots]

    def set_state(self, arrays):
        arrays = [np.asarray(a) for a in arrays]
        product = arrays.pop(2) if len(arrays) > 2 else None
        if product is None or product.size != 1 or product.dtype.kind != "f":
            raise FormatError("Nadam: array 2 of the state must be the product of the momenta")
        super().set_state(arrays)
        self._set_product(float(product.reshape(())))


class Adagrad(Optimizer):
    """Divide by the root of the sum of all squared gradients so far: w -= lr g / sqrt(sum g^2 + epsilon).

    Args:      initial_accumulator_value: what the sum begins with.
    Source:    Duchi, Hazan and Singer, 2011.
    """
    settings = ("epsilon",)
    epsilon = Setting()

    def __init__(self, learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 gradient_accumulation_steps=None, name="adagrad"):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, gradient_accumulation_steps, name)
        self.initial_accumulator_value = in_range("Adagrad", "initial_accumulator_value", initial_accumulator_value, 0)
        self.epsilon = epsilon

    def rows_are_enough(self):
        return True

    def kernel(self):
        return "adagrad"

    def slot_names(self):
        return (("accumulator",),)

    def slot_start(self, name):
        return self.initial_accumulator_value

    def get_config(self):
        return {**super().get_config(), "initial_accumulator_value": self.initial_accumulator_value}


class Adadelta(Optimizer):
    """Steps in units of the steps before: step = rms(steps) / rms(g) * g, both running means with rho; w -= lr step.

    Args:      rho: in [0, 1).    epsilon: inside both roots, 1e-7.
    Source:    Zeiler, 2012.
    """
    settings = ("rho", "epsilon")
    rho, epsilon = Setting(0, 1, high_open=True), Setting()

    def __init__(self, learning_rate=0.001, rho=0.95, epsilon=1e-7, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 gradient_accumulation_steps=None, name="adadelta"):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, gradient_accumulation_steps, name)
        self.rho, self.epsilon = rho, epsilon

    def kernel(self):
        return "adadelta"

    def slot_names(self):
        return (("accumulated_grad",), ("accumulated_delta_var",))


class Lion(Optimizer):
    """The sign of a mix of gradient and momentum: w -= lr sign(beta_1 m + (1 - beta_1) g),  m = beta_2 m + (1 - beta_2) g.

    Args:      beta_1: in (0, 1], as in Keras; with 1 a step goes by the gradients before it alone.    beta_2: in [0, 1).
    Source:    Chen et al., Symbolic discovery of optimization algorithms, 2023.
    """
    settings = ("beta_1", "beta_2")
    beta_1, beta_2 = Setting(0, 1, low_open=True), Setting(0, 1, high_open=True)

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.99, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 gradient_accumulation_steps=None, name="lion"):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, gradient_accumulation_steps, name)
        self.beta_1, self.beta_2 = beta_1, beta_2

    def kernel(self):
        return "lion"

    def slot_names(self):
        return (("momentum",),)
