"""Finished answers in the store, under the digest of their questions: none is paid for twice.

The first that is stored is the answer, for whoever asks, in this run or another: a conditional PUT decides between two
that ask at once, and both go on with what won. An answer is two requests to the store, 0.0054 dollars a thousand at a
cloud's prices; a model's 500 tokens cost a hundred times as much.
"""

import logging
from functools import partial

from pydantic import ValidationError

from octo.errors import IntegrityError
from octo.llm.chat import Answer
from octo.storage.seals import sealed_json, unsealed_json
from octo.storage.store import Store

logger = logging.getLogger(__name__)

FOLDER = "generations"


class Generations:
    """The answers below one store's prefix."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, digest: str) -> Answer | None:
        """The answer to the question of that digest; None where none is stored, or it is damaged."""
        try:
            return self._store.get_checked(_key(digest), partial(_read, digest))
        except IntegrityError as error:
            logger.warning("%s: it is asked for anew", error)
            return None

    def keep(self, digest: str, answer: Answer) -> Answer:
        """Store the answer, unless there is one: then that one is given."""
        body = sealed_json({"question": digest, **answer.model_dump()})
        if self._store.put_if_absent(_key(digest), body):
            return answer
        if (theirs := self.find(digest)) is not None:
            return theirs
        self._store.put(_key(digest), body, content_type="application/json")
        return answer


def _key(digest: str) -> str:
    # Spread over prefixes, which services split their load by.
    return f"{FOLDER}/{digest[:2]}/{digest}.json"


def _read(digest: str, body: bytes) -> Answer:
    value = unsealed_json(body)
    if value.pop("question", None) != digest:
        raise ValueError("it is the answer to another question")
    try:
        return Answer.model_validate(value)
    except ValidationError as error:
        raise ValueError(f"it is no answer: {error.errors()[0]['msg']}") from error
