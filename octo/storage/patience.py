"""How long a store that fails is asked again: by time, not by a count or by a quota that all readers share."""

import logging
import random
import time
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectionError,  # noqa: A004 - the name botocore gives it
    EndpointConnectionError,
    HTTPClientError,
)

BUSY_SECONDS = 150.0
"""A store that answers that it is busy, or that has answered and falls silent, comes back within minutes or is down."""
UNKNOWN_SECONDS = 30.0
"""A store that has never answered may be misspelt, one on this machine that takes no calls has ended, and one that
fails inside (500) may be full: a person waits."""
LONGEST_WAIT = 8.0

CONNECTION_FAILURES = (ConnectionError, ConnectionClosedError, HTTPClientError)
"""No whole answer arrived: whether the store did what was asked is not known."""
_BUSY_STATUSES = {429, 502, 503, 504, 509}
_BUSY_CODES = {
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "TooManyRequestsException",
}
QUIET_SECONDS = 10.0
"""After which a person who looks on is told what is waited for."""
_BEGAN, _SAID = "octo_failing_since", "octo_said"

logger = logging.getLogger(__name__)


class Clock:
    """The time that patience is counted in."""

    def now(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let so much of it pass."""
        time.sleep(seconds)


REAL_TIME = Clock()


@dataclass(frozen=True)
class Patience:
    """How often and in which time a request is sent again."""

    attempts: int | None = None
    """Sends of one request at most, where somebody waits for the answer; None leaves it to the time."""
    clock: Clock = REAL_TIME

    def wait(self, attempt: int) -> None:
        """Before the next try, 0.1 s at most first, twice that after each; random, so rivals do not meet again."""
        self.clock.sleep(random.uniform(0, min(0.1 * 2**attempt, LONGEST_WAIT)))  # noqa: S311 - keeps no secret


PATIENT = Patience()
"""As long as it takes, where nobody waits for the answer."""


@dataclass
class Resending:
    """Whether botocore sends a request again, as its event `needs-retry` asks. One for each client.

    botocore's own modes give all requests of a client one quota, which a few dozen readers use up in the first seconds
    of a storm, or one count of tries, which says nothing about time.
    """

    patience: Patience
    is_here: bool
    """Whether the store is on this machine."""
    has_answered: bool = field(default=False, init=False)

    def __call__(
        self,
        *,
        attempts: int,
        request_dict: dict[str, Any],
        response: tuple[Any, dict[str, Any]] | None = None,
        caught_exception: BaseException | None = None,
        **_: object,
    ) -> float | None:
        """After a wait, 0 to send it again at once; None to leave it."""
        self.has_answered = self.has_answered or response is not None
        seconds = self._seconds(response, caught_exception)
        now = self.patience.clock.now()
        began = request_dict["context"].setdefault(_BEGAN, now)
        if now - began >= seconds or attempts == self.patience.attempts:
            return None
        if now - began >= QUIET_SECONDS and not request_dict["context"].get(_SAID):
            request_dict["context"][_SAID] = True
            logger.warning(
                "the store fails at %s for %.0f s by now: it is asked again", request_dict["url"], now - began
            )
        self.patience.wait(attempts - 1)
        return 0

    def _seconds(self, response: tuple[Any, dict[str, Any]] | None, caught: BaseException | None) -> float:
        """How long this failure is borne; 0 for what is none, or will not pass."""
        if response is None:
            if not isinstance(caught, CONNECTION_FAILURES):
                return 0
            has_ended = self.is_here and isinstance(caught, EndpointConnectionError)
            return BUSY_SECONDS if self.has_answered and not has_ended else UNKNOWN_SECONDS
        http, parsed = response
        if http.status_code in _BUSY_STATUSES or parsed.get("Error", {}).get("Code") in _BUSY_CODES:
            return BUSY_SECONDS
        return UNKNOWN_SECONDS if http.status_code == 500 else 0
