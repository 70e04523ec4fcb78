"""The public names that Keras keeps in keras.preprocessing."""
from pydl.preprocessing import sequence  # noqa: F401
