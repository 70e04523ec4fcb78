"""The public names that Keras keeps in keras.utils."""

from pydl.callbacks import Progbar
from pydl.data.dataset import PyDataset
from pydl.data.prepare import ExponentialAverage, exponentially_weighted_average, normalize, to_categorical, train_test_split
from pydl.data.sequences import pad_sequences
from pydl.data.timeseries import timeseries_dataset_from_array
from pydl.models.picture import plot_model
from pydl.random import set_random_seed
from pydl.registry import custom_object_scope, get_custom_objects
from pydl.registry import register_serializable as register_keras_serializable

Sequence = PyDataset                    # its older name in Keras

__all__ = [
    "ExponentialAverage",
    "Progbar",
    "PyDataset",
    "Sequence",
    "custom_object_scope",
    "exponentially_weighted_average",
    "get_custom_objects",
    "normalize",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "set_random_seed",
    "timeseries_dataset_from_array",
    "to_categorical",
    "train_test_split",
]
