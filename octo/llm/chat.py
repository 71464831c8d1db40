"""A question to a language model, what makes it the same question, and its answer."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from octo.storage.seals import canonical


@dataclass(frozen=True)
class Question:
    """What is asked of a model, and how its answer is drawn."""

    model: str
    """Name that the service knows it by."""
    identity: str
    """What else tells which model it is: the artifact of its weights, or the version of the stand-in."""
    instructions: str
    text: str
    """What they are about."""
    temperature: float
    max_new_tokens: int
    seed: int

    def digest(self) -> str:
        """One digest for all that its answer depends on; equal questions are asked once."""
        return hashlib.sha256(canonical([self.identity, self.body()])).hexdigest()

    def body(self) -> Mapping[str, Any]:
        """The request, in the protocol's words."""
        return {
            "model": self.model,
            "messages": [
                {"role": "system", "content": self.instructions},
                {"role": "user", "content": self.text},
            ],
            "temperature": self.temperature,
            "max_tokens": self.max_new_tokens,
            "seed": self.seed,
        }


class Answer(BaseModel):
    """What a model wrote."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    finished: bool
    """False where it was cut at its longest."""
    answered_by: str
    """Name of the model, as the service says."""
    prompt_tokens: int | None = None
    """None where the service does not count."""
    completion_tokens: int | None = None


@dataclass(frozen=True)
class Refusal:
    """A question that the service will not answer however often it is asked, such as one that is too long."""

    sentence: str
