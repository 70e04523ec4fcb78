"""Deep learning with the speed of C and the accent of Keras."""
__version__ = "0.1.0"
