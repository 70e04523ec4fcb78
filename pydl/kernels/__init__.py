"""The boundary between Python and C: one extension a family, all kernels in `_common`."""
import os

# A thread that waits for the others spins.  libgomp's default, milliseconds, is right on an idle machine and ruinous on a
# busy one: a LeNet step of 10 ms took 180 ms where another process wanted the CPU, 14 ms with this.  The variable is read
# when libgomp is loaded, which is now; it is put back at once, and whoever set a policy keeps it.
_ours = "GOMP_SPINCOUNT" not in os.environ and "OMP_WAIT_POLICY" not in os.environ
if _ours:
    os.environ["GOMP_SPINCOUNT"] = "2000"
try:
    from pydl.kernels import _common  # noqa: F401
finally:
    if _ours:
        del os.environ["GOMP_SPINCOUNT"]
