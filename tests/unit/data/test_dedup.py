from hypothesis import given
from hypothesis import strategies as st

from octo.data.dedup import copies_of, duplicates

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


@given(ROWS)
def test_every_text_is_kept_exactly_once(rows: list[Row]) -> None:
    assert [row[0] for row in kept([rows])] == sorted({row[0] for row in rows})


def test_the_smallest_source_and_url_wins_but_one_that_skips_the_rules_goes_before() -> None:
    copies = [("t", "b", "1", "", "{}"), ("t", "a", "2", "", "{}"), ("t", "a", "1", "", "{}")]
    assert kept([copies]) == [("t", "a", "1", "", "{}")]
    assert kept([[*copies, ("t", "c", "9", "", "{}")]]) == [("t", "c", "9", "", "{}")]
