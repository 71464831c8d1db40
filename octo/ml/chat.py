"""Questions as a model reads them: as they are, or in the chat template that it was tuned with.

A template's special tokens are honoured. Those that somebody spelt out in a question or an answer are ordinary text.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from jinja2 import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

from octo.data.time_limit import TooSlowError, document_clock
from octo.data.tokenizer import TextTokenizer
from octo.errors import InputError, UsageError
from octo.model_files import CHAT_TEMPLATE, TOKENIZER_CONFIGURATION, parse_object

TODAY = datetime(2024, 7, 26, tzinfo=UTC)
"""What a template that asks for the date is told: a prompt must not be another one tomorrow."""
TEMPLATE_SECONDS = 10.0
"""Processor time that a template may take: it is a program of somebody else's, which may loop."""
# Neither is a character of any text: what stands between them is the number of a spelling.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"


@dataclass(frozen=True)
class Prompter:
    """How questions become tokens."""

    tokenizer: TextTokenizer
    template: str = ""
    """Of a chat; empty takes questions as they are."""

    def prompt(self, question: str) -> list[int]:
        """The tokens of a question, up to where its answer begins."""
        if not self.template:
            return self.tokenizer.encode_prompt(question)
        return self._encoded(self._rendered([_said("user", self._shielded(question))], answering=True))

    def example(self, question: str, answer: str) -> tuple[list[int], list[int]]:
        """The tokens of a question and of its answer, with the token that ends it."""
        if not self.template:
            return self.prompt(question), [*self.tokenizer.encode(answer), self.tokenizer.end_id]
        messages = [_said("user", self._shielded(question)), _said("assistant", self._shielded(answer))]
        asked, whole = self._rendered(messages[:1], answering=True), self._rendered(messages, answering=False)
        if not whole.startswith(asked):
            raise InputError(
                "the chat template does not go on from its prompt where an answer is given: leave --chat-template out"
            )
        tokens = self._encoded(whole.removeprefix(asked))
        end = next((place for place, token in enumerate(tokens) if token in self.tokenizer.ends), None)
        return self._encoded(asked), tokens[: end + 1] if end is not None else [*tokens, self.tokenizer.end_id]

    def _rendered(self, messages: Sequence[Mapping[str, str]], *, answering: bool) -> str:
        render: Any = render_jinja_template
        try:
            with document_clock(TEMPLATE_SECONDS) as clock:
                rendered: Any = clock.timed(
                    render,
                    conversations=[list(messages)],
                    chat_template=self.template,
                    add_generation_prompt=answering,
                    strftime_now=TODAY.strftime,
                    **_spellings(self.tokenizer),
                )
        except (TemplateError, TooSlowError) as error:
            raise InputError(f"the model's chat template cannot be filled in: {error}") from error
        except Exception as error:  # A template is a program, which can fail in any way that one can.
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise InputError(f"the model's chat template cannot be filled in: {reason:.300}") from error
        return str(rendered[0][0])

    def _shielded(self, text: str) -> str:
        """The text with a mark in place of each special token that is spelt out in it."""
        return self._special.sub(lambda found: f"{_OPEN}{self._numbers[found[0]]}{_CLOSE}", text)

    def _encoded(self, rendered: str) -> list[int]:
        """What was rendered as tokens: those of the template, and of marks the spellings that they stand for."""
        tokens: list[int] = []
        for place, piece in enumerate(re.split(f"{_OPEN}(\\d+){_CLOSE}", rendered)):
            if place % 2:
                tokens += self.tokenizer.encode(self._spelt[int(piece)])
            elif piece:
                tokens += self._honouring.encode(piece)
        return tokens

    @cached_property
    def _honouring(self) -> TextTokenizer:
        return self.tokenizer.honouring_special_tokens()

    @cached_property
    def _spelt(self) -> list[str]:
        added = self.tokenizer.tokenizer.get_added_tokens_decoder().values()
        # The longest first, for one may begin as another does. The marks themselves are shielded too.
        return sorted(
            {token.content for token in added if token.special} | {_OPEN, _CLOSE}, key=lambda each: (-len(each), each)
        )

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {spelling: number for number, spelling in enumerate(self._spelt)}

    @cached_property
    def _special(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, self._spelt)))


def prompter(tokenizer: TextTokenizer, *, chat_template: bool) -> Prompter:
    """How a model's questions become tokens; UsageError where its files have no template that was asked for."""
    if not chat_template:
        return Prompter(tokenizer)
    template = _template(tokenizer)
    if not template:
        raise UsageError(
            "--chat-template: the model's files have none: leave it out, or take a model that was tuned on chats"
        )
    return Prompter(tokenizer, template)


def _template(tokenizer: TextTokenizer) -> str:
    if CHAT_TEMPLATE in tokenizer.files:
        try:
            return tokenizer.files[CHAT_TEMPLATE].decode()
        except UnicodeDecodeError as error:
            raise InputError(f"{CHAT_TEMPLATE} of the model is no text in UTF-8: {error}") from error
    stated: Any = _configuration(tokenizer).get("chat_template")
    if isinstance(stated, list):
        # Older files have several, by name.
        named = (each for each in stated if isinstance(each, dict) and each.get("name") == "default")
        stated = next((each.get("template") for each in named), "")
    return stated if isinstance(stated, str) else ""


def _spellings(tokenizer: TextTokenizer) -> dict[str, str]:
    """What templates call the special tokens, such as bos_token."""
    stated = {name: token for name, token in _configuration(tokenizer).items() if name.endswith("_token")}
    spelt = {name: token.get("content") if isinstance(token, dict) else token for name, token in stated.items()}
    return {name: token for name, token in spelt.items() if isinstance(token, str)}


def _configuration(tokenizer: TextTokenizer) -> Mapping[str, Any]:
    return parse_object(tokenizer.files.get(TOKENIZER_CONFIGURATION, b"{}"), TOKENIZER_CONFIGURATION)


def _said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}
