"""Where kernels run.  Ops receive a backend as `B` and call `B.<kernel>(...)`; every backend has the same names."""
