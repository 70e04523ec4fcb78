"""The public names that Keras keeps in keras.preprocessing.sequence."""
from pydl.data.sequences import pad_sequences  # noqa: F401
