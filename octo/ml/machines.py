"""What the launchers of a gang's machines tell each other, in the store of the rendezvous, on the first machine."""

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from pydantic import BaseModel, TypeAdapter
from torch.distributed import DistError, TCPStore  # type: ignore[attr-defined]  # exported, but not to type checkers

from octo.ml.marks import Mark

EXCHANGE_SECONDS = 1.0
"""Between two words with the others."""
_PATIENCE = timedelta(seconds=10)
_FAILED, _HUNG, _FINISHED = "octo/failed", "octo/hung", "octo/finished"
_MARKS = TypeAdapter(list[Mark])


class Hang(BaseModel):
    """Ranks that wait in a collective for others that do not come."""

    waiting: list[int]
    missing: list[int]
    seconds: float


class Machines:
    """The other machines, as this one's launcher hears of them."""

    def __init__(self, *, node: int, nodes: int, address: str, port: int) -> None:
        """Nobody is spoken with yet."""
        self.failure = ""
        """What went wrong on another machine, as a sentence."""
        self.finished = False
        """Whether the first machine's ranks have ended by themselves, after which its launcher may go."""
        self._node, self._nodes = node, nodes
        self._address, self._port = address, port
        self._store: TCPStore | None = None
        self._next = 0.0

    def exchange(self, marks: Sequence[Mark]) -> list[Mark]:
        """Tell of this machine's ranks; the first machine hears of all others'. Now and then, and else nothing."""
        if self._nodes == 1 or time.monotonic() < self._next:
            return []
        self._next = time.monotonic() + EXCHANGE_SECONDS
        try:
            return self._exchange(marks)
        except DistError:
            if self._store and not self.finished:
                self.failure = self.failure or "the first machine's launcher is gone"
            return []

    def tell(self, failure: str, *, finished: bool) -> bool:
        """Let the others know that this machine's ranks cannot go on, or are done: whether there is."""
        if failure:
            self._tell(_FAILED, failure)
        if finished and self._node == 0:
            self._tell(_FINISHED, "yes")
        return self._nodes > 1 and (bool(failure) or finished)

    def agree(self, hang: Hang | None) -> Hang | None:
        """What the first machine has found, on every machine."""
        if self._store is None:
            return hang
        with suppress(DistError):
            if hang:
                self._store.set(_HUNG, hang.model_dump_json())
            elif self._store.check([_HUNG]):
                return Hang.model_validate_json(self._store.get(_HUNG))
        return hang

    def _exchange(self, marks: Sequence[Mark]) -> list[Mark]:
        store = self._reached()
        store.set(f"octo/marks/{self._node}", _MARKS.dump_json(list(marks)).decode())
        if store.check([_FAILED]):
            self.failure = store.get(_FAILED).decode()
        self.finished = self.finished or store.check([_FINISHED])
        if self._node:
            return []
        told = [f"octo/marks/{node}" for node in range(1, self._nodes)]
        return [mark for key in told if store.check([key]) for mark in _MARKS.validate_json(store.get(key))]

    def _tell(self, key: str, text: str) -> None:
        with suppress(DistError):
            if self._nodes > 1 and not self._reached().check([key]):
                self._reached().set(key, text)

    def _reached(self) -> TCPStore:
        if self._store is None:
            self._store = TCPStore(
                self._address, self._port, is_master=False, wait_for_workers=False, timeout=_PATIENCE
            )
        return self._store
