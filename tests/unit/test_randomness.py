from hypothesis import given
from hypothesis import strategies as st

from octo.randomness import generator, keyed_fraction, permutation


def test_a_generator_depends_on_its_key_alone() -> None:
    first = generator(7, "rollout", 3).random(4)
    generator(7, "rollout", 4).random(100)
    assert (generator(7, "rollout", 3).random(4) == first).all()


def test_seed_purpose_and_index_each_change_the_numbers() -> None:
    keys = [(0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1), (0, "a", "0")]
    assert len({float(generator(*key).random()) for key in keys}) == len(keys)


def test_fractions_fill_the_unit_interval_evenly() -> None:
    fractions = [keyed_fraction(0, "partition", index) for index in range(2_000)]
    assert all(0 <= fraction < 1 for fraction in fractions)
    assert abs(sum(fraction < 0.1 for fraction in fractions) - 200) < 60


@given(st.lists(st.text(), unique=True), st.randoms())
def test_the_order_of_a_permutation_does_not_depend_on_the_order_of_the_names(names: list[str], random) -> None:
    shuffled = random.sample(names, len(names))
    expected = [names[position] for position in permutation(names, 3, "mixture")]
    assert [shuffled[position] for position in permutation(shuffled, 3, "mixture")] == expected
    assert sorted(expected) == sorted(names)


def test_another_epoch_is_another_permutation() -> None:
    names = [str(number) for number in range(20)]
    assert permutation(names, 0, "mixture", 0) != permutation(names, 0, "mixture", 1)
