"""The public names that Keras keeps in keras.preprocessing."""
from pydl.data.timeseries import timeseries_dataset_from_array  # noqa: F401
from pydl.preprocessing import sequence  # noqa: F401
