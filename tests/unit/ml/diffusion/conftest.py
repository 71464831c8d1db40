import pytest

from octo.ml.models import use_threads


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Small products are slower on two threads than on one, and much slower beside others."""
    use_threads(1)
