"""Deep learning with the speed of C and the accent of Keras."""
import importlib

from pydl import (
    activations,
    applications,
    callbacks,
    config,
    constraints,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    preprocessing,
    random,
    regularizers,
    schedules,
    text,
    utils,
)
from pydl._version import __version__
from pydl.autodiff import Op, grad, value_and_grad
from pydl.capture import CaptureWarning, function
from pydl.errors import DTypeError, FormatError, ShapeError
from pydl.gradcheck import gradcheck
from pydl.info import show_config
from pydl.kernels._common import get_num_threads, set_num_threads
from pydl.layers import Input
from pydl.models import Functional, Model, Sequential, saving
from pydl.tensor import Parameter, Tensor, no_grad

LATER = ("inspection", "strategy")      # no part of training: imported when first asked for, so that `import pydl` stays quick


def __getattr__(name):
    if name in LATER:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *LATER])
