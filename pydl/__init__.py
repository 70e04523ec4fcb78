"""Deep learning with the speed of C and the accent of Keras."""
from pydl._version import __version__
from pydl.info import show_config
from pydl.kernels._common import get_num_threads, set_num_threads
