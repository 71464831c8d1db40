"""What answers came to: tokens, and documents that have none that can be used."""

from collections import Counter

from octo.errors import InputError
from octo.llm.chat import Answer

FEW = 10
"""Documents without a usable answer that no share is made of."""


class Accounts:
    """Counts of one index. They are of its answers, whoever asked for them first: the same in every run."""

    def __init__(self) -> None:
        self.counts = Counter[str]()

    def add(self, answer: Answer) -> None:
        """Count an answer and its tokens."""
        self.counts["answers"] += 1
        if answer.prompt_tokens is None or answer.completion_tokens is None:
            self.counts["answers.uncounted"] += 1
        self.counts["tokens.prompt"] += answer.prompt_tokens or 0
        self.counts["tokens.completion"] += answer.completion_tokens or 0


def check_share(unusable: int, total: int, *, most: float, example: str) -> None:
    """InputError, with an example, where too many documents have no usable answer."""
    if unusable > FEW and unusable > most * total:
        raise InputError(
            f"{unusable} of {total} documents have no usable answer (--max-unanswered-share {most:g}), such as: "
            f"{example}; what is answered is kept: try another --endpoint.model, or allow more"
        )
