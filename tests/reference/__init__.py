"""Plain NumPy loops in float64, written from the formulas: what kernels and layers are compared with."""
