"""One text for learning and for scoring, and a model that learns the same every time."""

import re
from collections.abc import Sequence
from pathlib import Path

import fasttext
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from octo.data.classifier import KEEP, LEAVE, Classifier, measured, train
from octo.data.classifier_text import normalized
from octo.data.documents import new_document, to_parquet
from octo.data.grading import GRADED, Graded
from octo.errors import InputError
from octo.randomness import generator
from octo.settings.classification import ClassificationSettings, FastTextSettings
from octo.storage.artifacts import Artifact
from octo.storage.store import Store
from tests.committing import commit

SMALL = FastTextSettings(dimension=8, epochs=10, learning_rate=0.5, word_ngrams=2, min_count=1, buckets=1000)
SETTINGS = ClassificationSettings(fasttext=SMALL)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The sum\nof 12 and\t3.5 IS  x2!", "the sum of <NUM> and <NUM> <NUM> is x <NUM>"),
        ("a\x00b\x1fc\u2028d\u200be\u00a0f", "a b c d e f"),
        ("__label__keep all_of it", "label keep all of it"),
        ("\ufb01rst \uff57\uff49\uff44\uff45 \u00b2", "first wide <NUM>"),
        ("Größe \u0416\u0423\u041a", "größe \u0436\u0443\u043a"),
        ("short " + 101 * "x" + " end " + 100 * "y", "short end " + 100 * "y"),
        ("", ""),
        ("$$$ --- \n", ""),
    ],
)
def test_a_text_is_one_line_of_lower_case_words(text: str, expected: str) -> None:
    assert normalized(text, max_token_characters=100) == expected


@given(st.text(), st.integers(1, 200))
def test_no_text_makes_a_line_break_a_label_or_a_long_word(text: str, longest: int) -> None:
    line = normalized(text, max_token_characters=longest)
    assert not re.search(r"[\n\r\t\v\f\0_]|  ", line)
    assert all(len(word) <= longest for word in line.split(" "))
    assert line == line.strip()
    assert not re.search(r"\d", line)


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_texts_have_no_rules_of_their_own(text: str) -> None:
    # A letter that is not of ASCII sends the same text the other way.
    assert (
        normalized(f"{text} ä", max_token_characters=100) == f"{normalized(text, max_token_characters=100)} ä".strip()
    )


def graded(store: Store, *, shards: int = 1, order: int = 0, documents: int = 300) -> Artifact:
    """Half about primes, half about shoes, of a hundred words each."""
    rows = []
    for number in range(documents):
        draw = generator(number, "words")
        vocabulary = ("prime", "lemma", "proof", "sum") if number % 2 else ("shoe", "price", "cart", "sale")
        text = " ".join(f"{vocabulary[place]}{draw.integers(9)}" for place in draw.integers(0, 4, 100))
        document = new_document(f"{number} {text}", source="web", url=f"u{number}")
        rows.append(Graded(*document, year="2014", score=str(4 * (number % 2)), justification="", answered_by="m"))
    dealt = [rows[place] for place in generator(order, "order").permutation(len(rows))]
    return commit(store, [{GRADED: to_parquet(dealt[shard::shards], Graded)} for shard in range(shards)], job="grading")


def trained(artifact: Artifact, tmp_path: Path, settings: ClassificationSettings = SETTINGS) -> Path:
    path = tmp_path / "model.bin"
    train(artifact, settings, path, tmp_path)
    return path


def test_what_is_learned_and_what_is_scored_go_through_one_normaliser(store: Store, tmp_path: Path) -> None:
    path = trained(graded(store), tmp_path)
    model = fasttext.load_model(str(path))
    classifier = Classifier(path, SMALL)
    texts = ["PRIME1\nlemma2, proof3;", "Shoe1 SALE2\r\ncart3 \x00", "__label__keep\n", "Σ\u200b prime 7" + 300 * "z"]

    def chance(text: str) -> float:
        labels, chances = model.predict(normalized(text, max_token_characters=100), k=2)
        return round(min(1.0, dict(zip(labels, map(float, chances), strict=True))[KEEP]), 4)

    assert classifier.probabilities(texts) == [chance(text) for text in texts]
    assert set(model.get_words()) <= {
        "</s>",
        "<NUM>",
        "prime",
        "lemma",
        "proof",
        "sum",
        "shoe",
        "price",
        "cart",
        "sale",
    }
    assert set(model.get_labels()) == {KEEP, LEAVE}


def test_the_same_documents_make_the_same_model_whatever_their_shards_and_copies(store: Store, tmp_path: Path) -> None:
    first = trained(graded(store), tmp_path).read_bytes()
    assert trained(graded(store, shards=5, order=3), tmp_path).read_bytes() == first
    twice = commit(
        store, [{GRADED: artifact.read(part)} for artifact in [graded(store)] * 2 for part in artifact.parts(GRADED)]
    )
    assert trained(twice, tmp_path).read_bytes() == first
    other = SETTINGS.model_copy(update={"seed": 1})
    assert trained(graded(store), tmp_path, other).read_bytes() != first


def test_graded_documents_of_one_kind_teach_nothing_and_are_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"0 of the \d+ graded documents .* score of 5 or more.*grade more"):
        trained(graded(store), tmp_path, SETTINGS.model_copy(update={"least_score": 5}))


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1))
def test_recall_falls_and_fewer_are_kept_as_the_threshold_rises(rows: Sequence[tuple[bool, float]]) -> None:
    worth, chances = np.array([each for each, _ in rows], dtype=bool), np.array([each for _, each in rows])
    found = [measured(worth, chances, threshold) for threshold in (0.0, 0.25, 0.4, 0.75, 1.0)]
    kept = [each["kept"] for each in found]
    assert kept == sorted(kept, reverse=True)  # type: ignore[type-var]
    recalls = [each["recall"] for each in found]
    assert recalls == sorted(recalls, reverse=True) if worth.any() else recalls == [None] * 5  # type: ignore[type-var]
    assert found[0]["precision"] == pytest.approx(worth.mean())
