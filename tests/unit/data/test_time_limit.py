import re
import signal
import threading

import pytest

from octo.data.time_limit import STOPPED, TooSlowError, document_clock

MOMENT = 0.05


def for_ever() -> None:
    while True:
        pass


def catastrophic() -> None:
    re.match(r"(a+)+$", "a" * 100 + "b")


@pytest.mark.parametrize("work", [for_ever, catastrophic])
def test_work_that_does_not_end_is_given_up_and_the_next_is_done(work: object) -> None:
    with document_clock(MOMENT) as clock:
        for _ in range(2):
            with pytest.raises(TooSlowError, match=r"took more than 0\.05 s of processor time"):
                clock.timed(work)
            assert clock.timed(str.upper, "a") == "A"


def test_many_documents_that_take_longer_than_the_limit_together_are_all_done() -> None:
    with document_clock(MOMENT) as clock:
        ticks = []
        tick = clock.tick
        clock.tick = lambda: (ticks.append(1), tick())  # type: ignore[method-assign]
        count = 0
        while len(ticks) < 20:
            count += clock.timed(sum, range(1_000)) > 0
    assert count > 20


def test_the_time_between_documents_is_nobodys() -> None:
    with document_clock(MOMENT) as clock:
        ticks = []
        tick = clock.tick
        clock.tick = lambda: (ticks.append(1), tick())  # type: ignore[method-assign]
        while len(ticks) < 20:
            pass
        assert clock.timed(len, "ab") == 2


def test_whoever_had_the_signal_before_has_it_again() -> None:
    before = signal.getsignal(signal.SIGPROF)
    with document_clock(MOMENT):
        assert signal.getsignal(signal.SIGPROF) is not before
    assert signal.getsignal(signal.SIGPROF) is before
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_in_another_thread_there_is_no_limit() -> None:
    found = []

    def work() -> None:
        with document_clock(MOMENT) as clock:
            found.append(clock)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [STOPPED]
