def test_a():
    from tests.wire import faults
