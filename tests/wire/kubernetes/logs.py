"""What containers have written, as the API gives it: from a moment on, the last lines, followed."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class PodLog:
    """The lines of one pod's container, with the time of each in nanoseconds since 1970."""

    lines: list[tuple[int, str]] = field(default_factory=list)
    closed: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)

    def write(self, line: str, at: int | None = None) -> None:
        with self.changed:
            self.lines.append((time.time_ns() if at is None else at, line))
            self.changed.notify_all()

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()


@dataclass(frozen=True)
class LogQuery:
    follow: bool = False
    timestamps: bool = False
    tail: int | None = None
    since: int = 0
    """Nanoseconds since 1970."""


def log_query(query: dict[str, str]) -> LogQuery:
    since = 0
    if "sinceSeconds" in query:
        since = nanoseconds(datetime.now(UTC) - timedelta(seconds=int(query["sinceSeconds"])))
    if "sinceTime" in query:
        # The API takes RFC 3339, and drops what is finer than a second.
        since = nanoseconds(datetime.fromisoformat(re.sub(r"\.\d+", "", query["sinceTime"])))
    return LogQuery(
        follow=query.get("follow") in ("true", "True", "1"),
        timestamps=query.get("timestamps") in ("true", "True", "1"),
        tail=int(query["tailLines"]) if "tailLines" in query else None,
        since=since,
    )


def read_log(log: PodLog, query: LogQuery, cut: Callable[[], bool]) -> Iterator[bytes]:
    """The lines asked for; followed ones until the container ends or `cut` says so."""
    with log.changed:
        at = len(log.lines)
        chosen = [line for line in log.lines if line[0] >= query.since]
    if query.tail is not None:
        chosen = chosen[len(chosen) - min(query.tail, len(chosen)) :]
    yield from (_shown(line, query) for line in chosen)
    while query.follow and not cut():
        with log.changed:
            if len(log.lines) == at and not log.closed:
                log.changed.wait(0.1)
            new, at, ended = log.lines[at:], len(log.lines), log.closed
        yield from (_shown(line, query) for line in new)
        if ended:
            return


def nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1000


def _shown(line: tuple[int, str], query: LogQuery) -> bytes:
    at, text = line
    if not query.timestamps:
        return f"{text}\n".encode()
    moment = datetime.fromtimestamp(at // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{at % 10**9:09d}Z {text}\n".encode()
