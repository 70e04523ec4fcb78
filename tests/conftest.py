"""Fixtures of all tests."""
import pytest

from pydl.kernels._common import cpu_levels, get_cpu_level, set_cpu_level


@pytest.fixture(params=cpu_levels())
def level(request):
    """Each CPU level that this machine has, in turn."""
    before = get_cpu_level()
    set_cpu_level(request.param)
    yield request.param
    set_cpu_level(before)
