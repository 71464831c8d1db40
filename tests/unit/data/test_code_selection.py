from octo.data.code_selection import Difficulty, chosen, difficulty_of


def inferences(**rates: list[float]) -> dict[str, object]:
    return {"inferences": [{"model_name": name, "pass_rate": rate} for name in rates for rate in rates[name]]}


def test_trap_18_models_that_differ_are_no_tries_that_differ() -> None:
    assert difficulty_of(inferences(a=[0.0, 0.0], b=[1.0, 1.0])) == Difficulty(0.5, 0.0)
    assert difficulty_of(inferences(a=[0.0, 1.0], b=[0.0, 1.0])) == Difficulty(0.5, 0.5)


def test_a_model_with_more_tries_counts_no_more() -> None:
    assert difficulty_of(inferences(a=[1.0], b=[0.0, 0.0, 0.0])) == Difficulty(0.5, 0.0)


def test_trap_18_both_shares_are_what_was_asked_for() -> None:
    difficulties = {str(tenth): Difficulty(tenth / 10, deviation=(tenth % 5) / 10) for tenth in range(10)}
    assert chosen(difficulties, hardest=0.2, widest=1.0) == {"0", "1"}
    assert chosen(difficulties, hardest=1.0, widest=0.4) == {"3", "4", "8", "9"}
    assert chosen(difficulties, hardest=0.5, widest=0.4) == {"3", "4"}
    assert chosen(difficulties, hardest=1.0, widest=1.0) == set(difficulties)
    assert chosen({}, hardest=0.2, widest=0.4) == set()


def test_a_record_without_rates_has_no_difficulty() -> None:
    assert difficulty_of({}) is None
    assert difficulty_of({"inferences": []}) is None
    assert difficulty_of(inferences(a=[1.5])) is None
