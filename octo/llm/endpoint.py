"""One request to a service of chat completions: its answer, or what kind of failure it was. The only import of httpx.

Nothing of the environment steers it: no proxy, no netrc. The key is in a header and in no message, not even where the
service repeats it.
"""

import json
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx2 as httpx

from octo.errors import OctoError, UsageError
from octo.llm.chat import Answer, Question, Refusal
from octo.settings.endpoint import EndpointSettings
from octo.storage.patience import Clock

CONNECT_SECONDS = 10.0
MOST_BYTES = 32 << 20
"""Of a reply: no model writes so much."""
SHOWN_CHARACTERS = 200
LONGEST_STATED_WAIT = 600.0


class PassingError(OctoError):
    """No answer this time; another try may find one."""

    def __init__(self, sentence: str, *, after: float | None = None) -> None:
        super().__init__(sentence)
        self.after = after
        """Seconds that the service asks to be left alone for, where it says so."""


class Endpoint:
    """A service of chat completions, which threads may ask side by side."""

    def __init__(self, settings: EndpointSettings, *, clock: Clock) -> None:
        """Nothing is sent yet."""
        self._settings = settings
        self._clock = clock
        self._key = settings.api_key.get_secret_value() if settings.api_key else ""
        seconds = settings.request_seconds
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds), pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=settings.concurrency),
            trust_env=False,
            verify=ssl.create_default_context(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def ask(self, url: str, question: Question) -> Answer | Refusal:
        """The answer of the service at that URL, or that it will never give one.

        Raises:
            PassingError: no connection, no whole reply in time, no reply in the protocol, too many requests.
            UsageError: it refuses the key, or knows no such model or address.
        """
        status, headers, body = self._post(f"{url}/chat/completions", question.body())
        if status == 200:
            return self._read(url, body)
        said = f"{url} answers {status}: {self._excerpt(body)}"
        if status in (401, 403):
            raise UsageError(
                f"{url} refuses the key ({status}): set OCTO_ENDPOINT__API_KEY, on a cluster api_key of the Secret "
                f"{self._settings.secret or 'that --endpoint.secret names'}"
            )
        if status in (404, 405, 410) or 300 <= status < 400:
            raise UsageError(
                f"{said}: expected --endpoint.url up to and with its version, such as https://host/v1, and an "
                f"--endpoint.model that is served there, got {self._settings.model}"
            )
        if status in (408, 409, 425, 429) or status >= 500:
            raise PassingError(said, after=_stated_wait(headers))
        return Refusal(said)

    def _post(self, url: str, body: Mapping[str, Any]) -> tuple[int, httpx.Headers, bytes]:
        until = self._clock.now() + self._settings.request_seconds
        received = bytearray()
        try:
            with self._client.stream("POST", url, json=body) as response:
                for block in response.iter_bytes():
                    received += block
                    # The library's own limit is for each read: a reply that trickles in would never meet it.
                    if len(received) > MOST_BYTES or self._clock.now() > until:
                        break
                else:
                    return response.status_code, response.headers, bytes(received)
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise PassingError(f"{url} gives no whole answer: {self._shown(str(error) or type(error).__name__)}") from (
                error
            )
        except (httpx.InvalidURL, httpx.CookieConflict) as error:
            raise UsageError(f"expected --endpoint.url https://host/v1, got {url!r}: {error}") from error
        raise PassingError(
            f"{url} has not ended its answer in {self._settings.request_seconds:g} s and {MOST_BYTES >> 20} MiB"
        )

    def _read(self, url: str, body: bytes) -> Answer:
        try:
            reply = json.loads(body)
            [choice] = reply["choices"]
            usage = reply.get("usage") or {}
            # A message may have none, and a lone surrogate can be stored nowhere.
            text: str = choice["message"]["content"] or ""
            return Answer(
                text=text.encode(errors="replace").decode(),
                finished=choice.get("finish_reason") != "length",
                answered_by=str(reply.get("model") or ""),
                prompt_tokens=_count(usage.get("prompt_tokens")),
                completion_tokens=_count(usage.get("completion_tokens")),
            )
        except (ValueError, TypeError, LookupError, RecursionError, AttributeError) as error:
            sentence = f"{url} answers what is no chat completion: {self._excerpt(body)}"
            raise PassingError(sentence) from error

    def _excerpt(self, body: bytes) -> str:
        return self._shown(" ".join(body[: 4 * SHOWN_CHARACTERS].decode(errors="replace").split())) or "nothing"

    def _shown(self, text: str) -> str:
        hidden = text.replace(self._key, "***") if self._key else text
        return hidden[:SHOWN_CHARACTERS]


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _stated_wait(headers: httpx.Headers) -> float | None:
    """Seconds, from Retry-After as a number or a date; None where it says nothing that can be read."""
    stated = headers.get("retry-after", "").strip()
    try:
        seconds = float(stated)
    except ValueError:
        try:
            when = parsedate_to_datetime(stated)
        except ValueError:
            return None
        seconds = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_STATED_WAIT) if seconds == seconds else None  # noqa: PLR0124 - NaN
