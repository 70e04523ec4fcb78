"""Callbacks: what happens beside training, at the beginning and end of runs, epochs and batches.

`logs` is a dict of floats.  Callbacks know a model only by its public names (stop_training, get_weights, set_weights,
save, save_weights, optimizer.learning_rate), so they work with every model and can be tested without one.

State that has to survive an interruption goes by get_state() and set_state(): dicts of numbers, strings, lists and arrays.
"""

from pydl.callbacks.averages import SwapEMAWeights  # noqa: F401
from pydl.callbacks.backup import BackupAndRestore  # noqa: F401
from pydl.callbacks.base import HOOKS, Callback, History, LambdaCallback  # noqa: F401
from pydl.callbacks.list import CallbackList  # noqa: F401
from pydl.callbacks.monitor import EarlyStopping, ModelCheckpoint  # noqa: F401
from pydl.callbacks.progbar import Progbar  # noqa: F401
from pydl.callbacks.progress import ProgressBar  # noqa: F401
from pydl.callbacks.rates import LearningRateScheduler, ReduceLROnPlateau  # noqa: F401
from pydl.callbacks.records import CSVLogger, TerminateOnNaN  # noqa: F401
from pydl.callbacks.screen import say  # noqa: F401
from pydl.callbacks.tensorboard import TensorBoard  # noqa: F401

ProgbarLogger = ProgressBar       # Keras's name for it
