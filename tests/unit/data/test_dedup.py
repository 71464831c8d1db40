from hypothesis import given
from hypothesis import strategies as st

from octo.data.dedup import copies_of, copy_key, duplicates, find_duplicates, without_text
from octo.data.documents import Document, new_document, to_parquet

ROWS = st.lists(
    st.tuples(*[st.sampled_from(["a", "b", "c"])] * 2, st.sampled_from(["1", "2"]), st.just(""), st.just("{}")),
    max_size=30,
)
Row = tuple[str, ...]


def kept(shards: list[list[Row]]) -> list[Row]:
    lost = duplicates(
        copy for shard, rows in enumerate(shards) for copy in copies_of(rows, shard=shard, unfiltered=("c",))
    )
    return sorted(
        row
        for shard, rows in enumerate(shards)
        for number, row in enumerate(rows)
        if number not in lost.get(shard, frozenset())
    )


@given(ROWS, st.randoms(), st.integers(min_value=1, max_value=5))
def test_what_is_kept_does_not_depend_on_order_or_number_of_shards(rows: list[Row], random, num_shards: int) -> None:
    shuffled = random.sample(rows, len(rows))
    assert kept([shuffled[start::num_shards] for start in range(num_shards)]) == kept([rows])


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["{}", '{"n": 1}', '{"n": 2}'])), max_size=20),
    st.randoms(),
)
def test_which_copy_is_kept_does_not_depend_on_where_records_without_an_address_lie(rows, random) -> None:
    def laid_out(rows, num_files: int) -> list[list[Row]]:
        """Dealt to files, and called by their places there, as ingestion does."""
        return [
            [(text, "a", f"file:/data/{file}.jsonl#{line}", "", said) for line, (text, said) in enumerate(dealt)]
            for file, dealt in ((file, rows[file::num_files]) for file in range(num_files))
        ]

    def said(kept: list[Row]) -> list[tuple[str, str]]:
        return sorted((row[0], row[4]) for row in kept)

    whole = said(kept(laid_out(rows, 1)))
    assert said(kept(laid_out(random.sample(rows, len(rows)), 3))) == whole
    assert said(kept(laid_out(rows[::-1], 12))) == whole


def test_a_record_that_says_its_address_goes_before_one_that_has_only_a_place() -> None:
    named = ("t", "a", "https://example.org/z", "", "{}")
    assert kept([[("t", "a", "s3://bucket/a.jsonl#1", "", "{}"), ("t", "a", "file:/a.txt", "", "{}"), named]]) == [
        named
    ]


@given(ROWS)
def test_every_text_is_kept_exactly_once(rows: list[Row]) -> None:
    assert [row[0] for row in kept([rows])] == sorted({row[0] for row in rows})


def test_the_smallest_source_and_url_wins_but_one_that_skips_the_rules_goes_before() -> None:
    copies = [("t", "b", "1", "", "{}"), ("t", "a", "2", "", "{}"), ("t", "a", "1", "", "{}")]
    assert kept([copies]) == [("t", "a", "1", "", "{}")]
    assert kept([[*copies, ("t", "c", "9", "", "{}")]]) == [("t", "c", "9", "", "{}")]


SENTENCE = "An octopus has three hearts, nine brains and blue blood."
VARIANTS = [
    SENTENCE,
    f"{SENTENCE} ",
    SENTENCE.upper(),
    SENTENCE.replace(" ", "\r\n"),
    SENTENCE.replace(" ", "\n"),
    f"\ufeff{SENTENCE}",
    SENTENCE.replace("e", "e\u200b"),
    SENTENCE.replace("o", "\N{FULLWIDTH LATIN SMALL LETTER O}"),
]
OTHERS = [SENTENCE[:-1], SENTENCE.replace("three", "3"), "\u200b", "\ufeff", " "]


@given(texts=st.permutations([*VARIANTS, *OTHERS]), num_shards=st.integers(1, 5), addressed=st.booleans())
def test_of_texts_that_look_alike_the_same_one_stays_as_it_is_wherever_they_lie(
    *, texts: list[str], num_shards: int, addressed: bool
) -> None:
    def url_of(text: str) -> str:
        return str(VARIANTS.index(text)) if addressed and text in VARIANTS else "u"

    shards = [
        [new_document(text, source="web", url=url_of(text)) for text in texts[start::num_shards]]
        for start in range(num_shards)
    ]
    lost = find_duplicates([without_text(to_parquet(shard, Document))[0] for shard in shards], unfiltered=())
    left = {
        document.text
        for number, shard in enumerate(shards)
        for row, document in enumerate(shard)
        if row not in lost.get(number, frozenset())
    }
    kept_variant = SENTENCE if addressed else min(VARIANTS, key=lambda text: new_document(text, source="", url="").id)
    assert left == {kept_variant, *OTHERS}


def test_texts_of_which_a_rule_may_drop_one_are_no_copies() -> None:
    lines = ["menu"] * 9 + [SENTENCE]
    assert copy_key("\n".join(lines), "1") != copy_key(" ".join(lines), "2")
    assert copy_key("\n".join(lines), "1") == copy_key("\r\n".join(f" {line.upper()} " for line in lines), "2")
