import random
from collections import Counter, defaultdict

import pytest

from octo.data.documents import Document, new_document, read_columns
from octo.data.near import order_of
from octo.data.shared_lines import lines_of, without_lines
from octo.settings.base import ShardGroup
from octo.settings.lines import LineSettings
from octo.settings.near import NearSettings
from octo.storage.artifacts import Artifact
from octo.storage.store import Store
from tests.near_corpus import committed, curated, dropped, kept

WORDS = [f"{first}{second}" for first in ("tar", "sil", "mo", "ve", "dun") for second in ("ra", "lo", "nis", "ek")]
MENU = ["Home of the tides", "Read all the notices", "Write to the harbour", "Menu"]


def page(draw: random.Random, number: int) -> Document:
    lines = [" ".join(draw.choices(WORDS, k=draw.randrange(3, 9))) for _ in range(draw.randrange(6))]
    lines += draw.sample(MENU, draw.randrange(len(MENU) + 1))
    draw.shuffle(lines)
    texts = [draw.choice((line, line.upper(), f"  {line} ")) for line in lines]
    text = "\n".join([*texts, *texts[: draw.randrange(2)], "" * draw.randrange(3), f"Page {number}"])
    return new_document(text, source=draw.choice("ab"), url=str(number))


def corpus(seed: int, *, count: int = 40) -> list[Document]:
    draw = random.Random(seed)
    return [page(draw, number) for number in range(count)]


def by_definition(documents: list[Document], *, min_documents: int, unfiltered: tuple[str, ...] = ()) -> dict[str, str]:
    """By address, the text without the lines of three words that so many documents have, but in the first of them."""

    def form(line: str) -> str:
        return " ".join(line.lower().split())

    owners: dict[str, set[int]] = defaultdict(set)
    orders = [order_of(each.id, filtered=each.source not in unfiltered) for each in documents]
    for number, each in enumerate(documents):
        for line in each.text.split("\n"):
            if len(line.split()) >= 3:
                owners[form(line)].add(number)
    return {
        each.url: "\n".join(
            line
            for line in each.text.split("\n")
            if len(owners[form(line)]) < min_documents or number == min(owners[form(line)], key=orders.__getitem__)
        )
        for number, each in enumerate(documents)
    }


def texts(artifact: Artifact) -> dict[str, str]:
    return {each.url: each.text for each in kept(artifact).values()}


def cuts(artifact: Artifact) -> list[tuple[str, ...]]:
    columns = ("id", "witness", "excerpt")
    return sorted(row for part in artifact.parts("cut.parquet") for row in read_columns(artifact.read(part), columns))


NO_NEAR = NearSettings()


def test_what_stays_is_what_the_law_says_for_any_shards_order_workers_and_pods(
    store: Store, place: dict[str, object]
) -> None:
    documents = corpus(3)
    lines = LineSettings(min_documents=3, memory_mib=0.002)
    alone = curated(place, committed(store, documents, 1), NO_NEAR, lines=LineSettings(min_documents=3), rules=())
    assert texts(alone) == by_definition(documents, min_documents=3)
    shuffled = random.Random(1).sample(documents, len(documents))
    raw = committed(store, shuffled, 4)
    for index in (1, 0):
        group = ShardGroup(count=2, index=index)
        split = curated(place, raw, NO_NEAR, lines=lines, rules=(), workers=2 - index, shard_group=group)
    assert isinstance(split, Artifact)
    assert kept(split) == kept(alone)
    assert cuts(split) == cuts(alone)
    assert split.manifest.counters == alone.manifest.counters
    # Every line that went stays in its witness, which is kept.
    originals = {each.id: each for each in documents}
    left = texts(alone)
    assert cuts(alone)
    for document, witness, excerpt in cuts(alone):
        assert document != witness
        assert excerpt.lower().strip() in left[originals[witness].url].lower()
    assert alone.manifest.counters["lines.removed.shared"] == len(cuts(alone))
    assert sum(len(each.text.split("\n")) for each in documents) - len(cuts(alone)) == sum(
        len(text.split("\n")) for text in left.values()
    )


def test_lines_stay_in_documents_that_are_kept_those_of_unfiltered_sources_first(
    store: Store, place: dict[str, object]
) -> None:
    body = " ".join(WORDS * 2)
    near = [new_document(f"{body}\n{body} {number}", source="a", url=f"near {number}") for number in range(2)]
    first = new_document("Read all the notices\nof b", source="b", url="first")
    others = [new_document(f"read ALL the notices\nof {number}", source="a", url=str(number)) for number in range(3)]
    menu = new_document("Read  all the notices", source="a", url="menu")
    artifact = curated(
        place,
        committed(store, [*others, *near, menu, first], 2),
        NearSettings(threshold=0.6),
        lines=LineSettings(min_documents=2),
        unfiltered=("b",),
        rules=(),
    )
    left = texts(artifact)
    assert left["first"] == first.text
    assert [left[str(number)] for number in range(3)] == ["of 0", "of 1", "of 2"]
    # Of two that are near, one is left, and keeps what both had.
    (url,) = (url for url in left if url.startswith("near"))
    assert left[url] == next(each.text for each in near if each.url == url)
    assert Counter(reason for reason, *_ in dropped(artifact).values()) == {
        "near_duplicate": 1,
        "only_shared_lines": 1,
    }


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a b c\n\nshared by all\nof them\n\nd e f", "a b c\n\nd e f"),
        ("shared by all\nof them\n \n\nd e f", "d e f"),
        ("a b c\n\n\nshared BY all of\tthem", "a b c"),
        ("a b c\nshared by all of them", "a b c\nshared by all of them"),
        ("shared by all of them\n\nshared by all of them", ""),
    ],
)
def test_paragraphs_are_taken_out_with_the_blank_lines_before_them(text: str, left: str) -> None:
    settings = LineSettings(min_documents=2, unit="paragraphs")
    only = new_document("shared by all of them", source="a", url="u")
    (line,) = lines_of([(0, only)], settings, unfiltered=frozenset())
    gone = {int(line["line"]): "witness"}
    assert without_lines(text, gone, settings)[0] == left
