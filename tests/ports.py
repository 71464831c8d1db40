"""Ports for processes that have to be told theirs."""

import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

GIVEN_BY_HAND = range(20_000, 32_000)
"""None that the kernel gives to whoever asks for any: nobody else has it by the time that it is used."""


def free_port() -> int:
    return free_ports(1)[0]


def free_ports(number: int) -> list[int]:
    return list(islice(_free(), number))


def _free() -> Iterator[int]:
    chosen = random.SystemRandom()
    for port in chosen.sample(GIVEN_BY_HAND, len(GIVEN_BY_HAND)):
        with suppress(OSError), socket.create_server(("", port)):
            yield port
