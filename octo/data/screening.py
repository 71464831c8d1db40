"""What is said of documents one by one: kept as they are, kept with some of the text left out, or dropped for a reason.

Documents are looked at many at a time; what is said of one depends on it alone. Rule sets are asked in the order in
which the settings name them, and each sees a text as the ones before have left it.
"""

import json
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from octo.data.c4 import c4
from octo.data.documents import Document, revised
from octo.data.filters import first_broken, quality_rules
from octo.data.fineweb import fineweb
from octo.data.gopher import gopher
from octo.data.hosts import Hosts
from octo.data.languages import wrong_language
from octo.data.licences import wrong_licence
from octo.data.mathematical import mathematics
from octo.data.personal_data import masked, masked_metadata
from octo.data.texts import Texts
from octo.data.time_limit import STOPPED, TOO_SLOW, DocumentClock, TooSlowError
from octo.settings.curation import CurationSettings
from octo.settings.gates import PersonalData
from octo.settings.rules import C4Settings

_LONGEST_ADDRESS = 1000
_CHARACTERS_AT_ONCE, _DOCUMENTS_AT_ONCE = 1 << 20, 512


class Edit(NamedTuple):
    """A text after a step, and what the step did to it."""

    text: str
    reason: str | None = None
    """Why the document is dropped."""
    changes: Mapping[str, int] = {}
    """What was taken out, by what it is."""


Judge = Callable[[Texts], Sequence[str | None]]
Editor = Callable[[str], Edit]


class Step(NamedTuple):
    """A rule set: it judges texts together, or edits and judges them one by one."""

    judge: Judge | None = None
    edit: Editor | None = None


class Screening(NamedTuple):
    """Everything that is asked of a document on its own."""

    steps: Sequence[Step]
    unfiltered: Collection[str]
    """Sources that skip the steps."""
    gate: Callable[[Document], str | None] | None = None
    """Asked of every document before them, whatever its source."""
    mask: Sequence[PersonalData] = ()
    """Personal data that is masked after them, in every document."""

    @property
    def edits(self) -> bool:
        """Whether a document that stays may be another text than before."""
        return bool(self.mask) or any(step.edit for step in self.steps)

    def screened(
        self, documents: Iterable[Document], clock: DocumentClock = STOPPED
    ) -> Iterator[tuple[Document, str | None]]:
        """Each document as it is after all steps, with the reason to drop it, or None."""
        for batch in _batches(documents):
            yield from self._timed(batch, clock)

    def edited(self, document: Document) -> tuple[Document, Mapping[str, int]]:
        """A document that stays, as `screened` gives it, and what was taken out of it."""
        text, changes = document.text, Counter[str]()
        for step in () if document.source in self.unfiltered else self.steps:
            if step.edit:
                edit = step.edit(text)
                text = edit.text
                changes.update(edit.changes)
        if not self.mask:
            return revised(document, text), changes
        text, found = masked(text, self.mask)
        changes.update({f"masked.{name}": count for name, count in found.items()})
        return revised(document, text, masked_metadata(document.metadata, self.mask)), changes

    def excerpt(self, text: str, characters: int) -> str:
        """The beginning of a text as it may be shown."""
        # What is cut off is no address any more, and still somebody's.
        return masked(text[: characters + _LONGEST_ADDRESS], self.mask)[0][:characters]

    def _timed(self, batch: Sequence[Document], clock: DocumentClock) -> list[tuple[Document, str | None]]:
        try:
            return clock.timed(self._together, batch)
        except TooSlowError:
            if len(batch) == 1:
                return [(batch[0], TOO_SLOW)]
        # One of them, or all together: each has the time by itself.
        return [found for document in batch for found in self._timed([document], clock)]

    def _together(self, batch: Sequence[Document]) -> list[tuple[Document, str | None]]:
        found: list[tuple[Document, str | None]] = [(document, None) for document in batch]
        if self.gate:
            found = [(document, self.gate(document)) for document in batch]
        left = [
            at for at, (document, reason) in enumerate(found) if not reason and document.source not in self.unfiltered
        ]
        texts = Texts([batch[at].text for at in left])
        for step in self.steps:
            judged = _after(step, texts)
            staying = []
            for number, (at, edit) in enumerate(zip(left, judged, strict=True)):
                if edit.reason:
                    found[at] = batch[at], edit.reason
                else:
                    staying.append(number)
            kept = [judged[number].text for number in staying]
            texts = Texts(kept) if step.edit else texts.take(staying)
            left = [left[number] for number in staying]
        for at, text in zip(left, texts, strict=True):
            found[at] = revised(batch[at], text), None
        return [(self._masked(document), None) if reason is None else (document, reason) for document, reason in found]

    def _masked(self, document: Document) -> Document:
        if not self.mask:
            return document
        return revised(document, masked(document.text, self.mask)[0], masked_metadata(document.metadata, self.mask))


def _after(step: Step, texts: Texts) -> list[Edit]:
    if step.edit:
        return [step.edit(text) for text in texts]
    judge = step.judge or (lambda given: [None] * len(given))
    return [Edit(text, reason) for text, reason in zip(texts, judge(texts), strict=True)]


def screening(settings: CurationSettings, hosts: Hosts | None = None) -> Screening:
    """What the settings ask of a document on its own; without hosts, what is done to those that stay."""
    rules = quality_rules(settings)
    sets: Mapping[str, Step] = {
        "basic": one_by_one(lambda text: first_broken(text, rules)),
        "gopher": Step(judge=partial(gopher, settings=settings.gopher)),
        "c4": Step(edit=partial(_trimmed, settings=settings.c4)),
        "fineweb": Step(judge=partial(fineweb, settings=settings.fineweb)),
        "mathematics": Step(judge=partial(mathematics, settings=settings.mathematics)),
    }
    languages = [one_by_one(partial(wrong_language, settings=settings.language))] if settings.language.keep else []
    gate = partial(_stopped, hosts=hosts, settings=settings) if hosts else None
    return Screening([*languages, *(sets[name] for name in settings.rules)], settings.unfiltered, gate, settings.mask)


def _stopped(document: Document, *, hosts: Hosts, settings: CurationSettings) -> str | None:
    filtered = document.source not in settings.unfiltered
    return hosts.wrong(document.url, filtered=filtered) or wrong_licence(document, settings.licences)


def one_by_one(reason_against: Callable[[str], str | None]) -> Step:
    """The step of a rule that is asked of one text after another."""
    return Step(judge=lambda texts: [reason_against(text) for text in texts])


def reasons_to_bytes(reasons: Sequence[str | None]) -> bytes:
    """Why each document of a shard is dropped, or None, as bytes."""
    return zlib.compress(json.dumps(reasons).encode(), level=1)


def reasons_from_bytes(body: bytes) -> list[str | None]:
    """What `reasons_to_bytes` was given."""
    return [reason or None for reason in json.loads(zlib.decompress(body))]


def _trimmed(text: str, *, settings: C4Settings) -> Edit:
    found = c4(text, settings)
    return Edit(found.text, found.reason, {f"lines.removed.{name}": count for name, count in found.lines.items()})


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    held: list[Document] = []
    characters = 0
    for document in documents:
        if held and characters + len(document.text) > _CHARACTERS_AT_ONCE:
            yield held
            held, characters = [], 0
        held.append(document)
        characters += len(document.text)
        if len(held) >= _DOCUMENTS_AT_ONCE:
            yield held
            held, characters = [], 0
    if held:
        yield held
