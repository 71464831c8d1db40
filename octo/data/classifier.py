"""fastText, taught which documents are worth keeping. The only import of it.

It learns on one thread, in an order that the documents' ids and the seed decide, so the same graded documents make the
same model whatever their shards. Memory goes with the model (`buckets` times `dimension` numbers), and with the number
of graded documents, some hundred bytes each; their texts lie on the disk.
"""

import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import fasttext
import numpy as np
from numpy.typing import NDArray

from octo.data.classifier_text import normalized
from octo.data.documents import read_columns
from octo.data.grading import GRADED
from octo.data.strata import place_of
from octo.errors import InputError
from octo.randomness import keyed_fraction
from octo.settings.classification import ClassificationSettings, FastTextSettings
from octo.storage.artifacts import Artifact

KEEP, LEAVE = "__label__keep", "__label__leave"
DIGITS = 4
"""Of a probability that are written, and compared with the threshold."""
BATCH = 64
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
T = TypeVar("T")
_LINE = np.dtype([("place", "<u8"), ("first", "<u8"), ("size", "<u4")])


class GradedText(NamedTuple):
    """What is known of a graded document."""

    id: str
    text: str
    year: str
    is_worth_it: bool


class Classifier:
    """A trained model."""

    def __init__(self, path: Path, settings: FastTextSettings) -> None:
        self._model = fasttext.load_model(str(path))
        self._settings = settings

    def probabilities(self, texts: Sequence[str]) -> list[float]:
        """That each document is worth keeping, to four digits."""
        lines = [normalized(text, max_token_characters=self._settings.max_token_characters) for text in texts]
        labels, chances = self._model.predict(lines, k=2)
        return [
            round(min(1.0, max(0.0, dict(zip(names, map(float, found), strict=True)).get(KEEP, 0.0))), DIGITS)
            for names, found in zip(labels, chances, strict=True)
        ]


def graded_texts(graded: Artifact, *, least_score: int) -> Iterator[GradedText]:
    """The graded documents, one part in memory at a time; copies of one are all there."""
    for part in graded.parts(GRADED):
        for document_id, text, year, score in read_columns(graded.read(part), ("id", "text", "year", "score")):
            yield GradedText(document_id, text, year, int(score) >= least_score)


def is_held_out(document_id: str, settings: ClassificationSettings) -> bool:
    """Whether a document is one that the model is judged by, and does not learn from."""
    return keyed_fraction(settings.seed, "held out", document_id) < settings.held_out


def train(graded: Artifact, settings: ClassificationSettings, destination: Path, scratch: Path) -> None:
    """Teach a model by the graded documents that are not held out, and write it.

    InputError where there is none that is worth keeping, or none that is not: it would learn nothing.
    """
    written, ordered = scratch / "graded.txt", scratch / "ordered.txt"
    lines = _write_lines(graded, settings, written)
    _write_in_order(written, lines, ordered)
    given = settings.fasttext
    model = fasttext.train_supervised(
        str(ordered),
        dim=given.dimension,
        lr=given.learning_rate,
        epoch=given.epochs,
        wordNgrams=given.word_ngrams,
        minCount=given.min_count,
        bucket=given.buckets,
        loss="softmax",
        thread=1,
        seed=settings.seed % 2**31,
        verbose=0,
    )
    model.save_model(str(destination))
    for path in (written, ordered):
        path.unlink()


def judged(classifier: Classifier, graded: Artifact, settings: ClassificationSettings) -> Mapping[str, object]:
    """What the model makes of documents that it did not learn from: recall and precision by threshold, and by year."""
    rows: dict[str, tuple[str, bool, float]] = {}
    held_out = (
        each for each in graded_texts(graded, least_score=settings.least_score) if is_held_out(each.id, settings)
    )
    for batch in batches(held_out, BATCH):
        for each, chance in zip(batch, classifier.probabilities([each.text for each in batch]), strict=True):
            rows[each.id] = (each.year, each.is_worth_it, chance)
    years = np.array([year for year, _, _ in rows.values()])
    worth = np.array([is_worth_it for _, is_worth_it, _ in rows.values()], dtype=bool)
    chances = np.array([chance for _, _, chance in rows.values()])
    thresholds = sorted({*THRESHOLDS, settings.threshold})
    return {
        "threshold": settings.threshold,
        "least_score": settings.least_score,
        "held_out": len(rows),
        "worth_it": int(worth.sum()),
        "by_threshold": [{"threshold": each, **measured(worth, chances, each)} for each in thresholds],
        "by_year": {
            str(year): measured(worth[years == year], chances[years == year], settings.threshold)
            for year in sorted(set(years.tolist()))
        },
    }


def measured(worth: NDArray[np.bool_], chances: NDArray[np.float64], threshold: float) -> dict[str, float | int | None]:
    """How many are kept, and of these and of those worth it which share is both; None where there is none of them."""
    kept = chances >= threshold
    right = int((kept & worth).sum())
    return {
        "documents": len(worth),
        "worth_it": int(worth.sum()),
        "kept": int(kept.sum()),
        "recall": right / int(worth.sum()) if worth.any() else None,
        "precision": right / int(kept.sum()) if kept.any() else None,
    }


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """So many at a time; the last may be fewer."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _write_lines(graded: Artifact, settings: ClassificationSettings, written: Path) -> NDArray[np.void]:
    """A line for each document to learn from, and where each lies, in the order to learn in, without copies."""
    found: list[tuple[int, int, int]] = []
    labels = {True: 0, False: 0}
    with written.open("wb") as file:
        for each in graded_texts(graded, least_score=settings.least_score):
            if is_held_out(each.id, settings):
                continue
            text = normalized(each.text, max_token_characters=settings.fasttext.max_token_characters)
            line = f"{KEEP if each.is_worth_it else LEAVE} {text}\n".encode()
            found.append((place_of(each.id, settings.seed), file.tell(), len(line)))
            file.write(line)
            labels[each.is_worth_it] += 1
    if not all(labels.values()):
        raise InputError(
            f"{labels[True]} of the {sum(labels.values())} graded documents of {graded.address} to learn from have a "
            f"score of {settings.least_score} or more, so nothing tells them from the others: grade more documents, or "
            "give another --least-score"
        )
    lines = np.sort(np.array(found, dtype=_LINE), order=("place", "first"))
    return lines[np.unique(lines["place"], return_index=True)[1]]


def _write_in_order(written: Path, lines: NDArray[np.void], ordered: Path) -> None:
    with (
        written.open("rb") as file,
        ordered.open("wb") as out,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body,
    ):
        for _, first, size in lines.tolist():
            out.write(body[first : first + size])
