"""Problems are practised on that a model solves neither never nor always, by an evaluation of that very model."""

import json

import pytest

from octo.data.benchmarks import Statement
from octo.data.pass_rates import within_band
from octo.data.practice import Practice
from octo.data.questions import Question
from octo.errors import InputError, UsageError
from octo.settings.rl import BandSettings
from octo.storage.artifacts import Artifact
from octo.storage.store import Store
from tests.committing import commit

SOLVED = {"none": 0, "few": 1, "half": 4, "most": 7, "all": 8}


def practice() -> Practice:
    questions = [Question(name, name, "") for name in (*SOLVED, "other")]
    return Practice(questions, 2, Statement(sentence="Looked."))


def found(model: Artifact, solved: dict[str, int | None], *, training: int = 0, tries: int = 8, **fewer: int) -> bytes:
    said = {
        "model": "/".join(model.address.split("/")[-2:]),
        "training": training,
        "samples_per_problem": tries,
        "fewer_verdicts": {"problems": fewer},
        "verdicts": [[problem, 1, count] for problem, count in solved.items()],
    }
    return json.dumps(said).encode()


def evaluated(store: Store, *bodies: bytes) -> Artifact:
    return commit(store, [{"evaluation.json": body} for body in bodies], job="evaluation")


def kept(found: Practice) -> list[str]:
    return [question.id for question in found.questions]


def test_a_band_holds_its_ends_and_what_is_outside_is_counted_by_reason(store: Store) -> None:
    model = commit(store, [{"config.json": b"{}"}], job="midtraining")
    pass_rates = evaluated(store, found(model, SOLVED))
    band = BandSettings(least=0.125, most=0.875)
    chosen = within_band(practice(), [pass_rates], band, model=model, training=0)
    assert kept(chosen) == ["few", "half", "most"]
    assert chosen.counters() == {
        "problems.contaminated": 2,
        "problems.too_hard": 1,
        "problems.too_easy": 1,
        "problems.not_tried": 1,
        "questions.looked_for": 0,
        "questions.not_protected": 0,
    }
    assert within_band(practice(), [], BandSettings(), model=model, training=0) == practice()


def test_a_rate_is_of_the_tries_that_have_a_verdict_and_none_is_no_rate(store: Store) -> None:
    model = commit(store, [{"config.json": b"{}"}], job="midtraining")
    pass_rates = evaluated(store, found(model, {"few": 1, "half": 4, "none": None, "all": 0}, few=1, half=5, all=0))
    chosen = within_band(practice(), [pass_rates], BandSettings(least=0.5, most=0.9), model=model, training=0)
    assert kept(chosen) == ["half"]
    assert chosen.left_out == {"too_hard": 0, "too_easy": 1, "not_tried": 4}


def test_each_training_goes_by_its_own_model_and_all_by_one_where_there_is_one(store: Store) -> None:
    model = commit(store, [{"config.json": b"{}"}, {"config.json": b"{}"}], job="midtraining")
    of_each = evaluated(store, found(model, {"few": 1, "half": 1}), found(model, {"few": 0, "half": 1}, training=1))
    band = BandSettings(least=0.1)
    assert kept(within_band(practice(), [of_each], band, model=model, training=0)) == ["few", "half"]
    assert kept(within_band(practice(), [of_each], band, model=model, training=1)) == ["half"]
    of_one = evaluated(store, found(model, {"few": 1, "half": 0}))
    assert kept(within_band(practice(), [of_one], band, model=model, training=1)) == ["few"]


def test_rates_of_another_model_without_samples_or_of_no_evaluation_are_refused(store: Store) -> None:
    model, other = (commit(store, [{"config.json": b"{}"}], job="midtraining") for _ in range(2))
    for given, said in (
        (evaluated(store, found(other, SOLVED)), f"has no tries of midtraining/{model.manifest.digest}"),
        (evaluated(store, found(model, SOLVED, tries=0)), "has greedy answers alone: evaluate with --num-samples"),
        (model, "is of midtraining: give evaluations"),
    ):
        with pytest.raises(UsageError, match=said):
            within_band(practice(), [given], BandSettings(), model=model, training=0)
    given = evaluated(store, found(model, {"few": 0, "all": 8}))
    with pytest.raises(
        InputError, match=r"of 6 problems the model solves none between 0\.1 and 0\.9.*1 are too hard, 1"
    ):
        within_band(practice(), [given], BandSettings(least=0.1, most=0.9), model=model, training=0)


def test_a_band_without_pass_rates_or_with_its_ends_exchanged_is_refused() -> None:
    from octo.settings.rl import RlSettings  # noqa: PLC0415

    with pytest.raises(ValueError, match="expected pass_rates"):
        RlSettings(band=BandSettings(least=0.2))
    with pytest.raises(ValueError, match=r"expected least up to most, got 0\.5 and 0\.2"):
        BandSettings(least=0.5, most=0.2)
