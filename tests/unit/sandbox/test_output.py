"""What a program prints: its beginning is passed on, the rest goes nowhere."""

import os
import select
import threading

import pytest

from octo.sandbox.inside.output import Output

pytestmark = pytest.mark.skipif(not hasattr(os, "splice"), reason="nothing is moved within this kernel")


def passed_on(printed: bytes, *, kept: int, size: int) -> bytes:
    """What comes of something that is printed in pieces of a size."""
    reading, writing = os.pipe()
    output = Output(writing, kept=kept)
    printer = os.dup(output.writing)
    output.given_away()

    def print_all() -> None:
        for first in range(0, len(printed), size):
            os.write(printer, printed[first : first + size])
        os.close(printer)

    thread = threading.Thread(target=print_all)
    thread.start()
    waiting = select.poll()
    moved = 0
    while thread.is_alive():
        for descriptor, _ in waiting.poll(1000 * output.watched(waiting, 0.01)):
            moved += output.woke(waiting, descriptor)
    thread.join()
    output.close()
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        return file.read()


@pytest.mark.parametrize("size", [1 << 16, 777])
def test_the_beginning_is_passed_on_and_the_rest_is_read_by_nobody(size: int) -> None:
    printed = b"".join(b"%08d" % number for number in range(1 << 17))
    assert passed_on(printed, kept=30_000, size=size) == printed[:30_000]


@pytest.mark.parametrize("printed", [b"", b"a", b"line\n" * 100])
def test_little_is_passed_on_whole(printed: bytes) -> None:
    assert passed_on(printed, kept=1 << 16, size=50) == printed


def test_nothing_is_kept_where_nothing_is_wanted() -> None:
    assert passed_on(b"word " * 10_000, kept=0, size=1000) == b""
