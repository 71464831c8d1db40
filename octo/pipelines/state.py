"""What is known about a run's stages while it runs, as values that a display can draw."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Where a stage stands."""

    WAITING = "waiting"
    RUNNING = "running"
    CACHED = "cached"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass
class StageState:
    """One stage of a run: its status, how far it is, and when it began and ended."""

    name: str
    job: str
    status: Status = Status.WAITING
    done: int = 0
    total: int = 0
    unit: str = ""
    figures: dict[str, float] = field(default_factory=dict)
    started_at: datetime | None = None
    ended_at: datetime | None = None
    committed_at: datetime | None = None
    digest: str = ""
    address: str = ""
    attempt: str = ""
    message: str = ""

    @property
    def finished(self) -> bool:
        """Whether the stage's artifact is committed."""
        return self.status in {Status.CACHED, Status.DONE}

    def note(self, message: Mapping[str, Any]) -> None:
        """Take over what a line of the stage's output says."""
        if progress := message.get("progress"):
            self.done, self.total, self.unit = progress["done"], progress["total"], progress["unit"]
            self.figures = progress["figures"]

    def record(self) -> dict[str, str]:
        """What runs/<run-id>/stages/<stage>.json holds."""
        return {
            "stage": self.name,
            "job": self.job,
            "state": str(self.status),
            "digest": self.digest,
            "address": self.address,
            "attempt": self.attempt,
            "started_at": self.started_at.isoformat() if self.started_at else "",
            "ended_at": self.ended_at.isoformat() if self.ended_at else "",
            "committed_at": self.committed_at.isoformat() if self.committed_at else "",
            "message": self.message,
        }
