"""What each side does for the other: the program everything, the test what it has shown itself to be meant for."""

from collections.abc import Callable
from copy import copy, deepcopy
from typing import Any

from octo.sandbox.inside.describing import base_of
from octo.sandbox.inside.known import may_call, may_use, may_walk
from octo.sandbox.inside.specials import PLAIN, Operations


def _leave(context: Any, error: BaseException | None) -> bool:
    return bool(type(context).__exit__(context, error and type(error), error, error and error.__traceback__))


def _contents(value: Any) -> object:
    base: Any = base_of(type(value))
    if issubclass(base, dict):
        return dict(dict.items(value))
    return (base if base in (set, bytearray) else list)(base.__iter__(value))


_LOOPS: list[Any] = []


def _awaited(value: Any) -> object:
    """Run a coroutine to its end, in one event loop for all of them."""
    import asyncio  # noqa: PLC0415 - most programs have no use for it

    if not _LOOPS:
        _LOOPS.append(asyncio.new_event_loop())
    return _LOOPS[0].run_until_complete(value)


EVERYTHING: Operations = {
    **PLAIN,
    "enter": lambda context: type(context).__enter__(context),
    "exit": _leave,
    "contents": _contents,
    "copy": copy,
    "deep copy": deepcopy,
    "await": _awaited,
    "iterate later": lambda value: type(value).__aiter__(value),
    "next later": lambda value: _awaited(_coroutine_of(type(value).__anext__(value))),
    "enter later": lambda value: _awaited(type(value).__aenter__(value)),
    "exit later": lambda value, error: _awaited(
        type(value).__aexit__(value, error and type(error), error, error and error.__traceback__)
    ),
}
"""What a program answers."""


async def _coroutine_of(value: Any) -> object:
    return await value


def _guarded(operation: str, allowed: Callable[..., bool]) -> Callable[..., object]:
    def answers(value: Any, /, *arguments: Any, **named: Any) -> object:
        if not allowed(value, *arguments[: operation == "attribute"]):
            raise KeyError(operation)
        return PLAIN[operation](value, *arguments, **named)

    return answers


CALLS: Operations = {
    "call": _guarded("call", may_call),
    "attribute": _guarded("attribute", may_use),
    **{
        operation: _guarded(operation, may_walk)
        for operation in ("iterate", "next", "length", "item", "string", "representation", "contains", "truth")
    },
}
"""What a test answers: calls of what it wrote itself, and what an object of its own has to show."""
