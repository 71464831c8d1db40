"""A training and an evaluation whose completions are run in a real sandbox."""

import json
import re
from typing import Any

import pytest

from octo.data.documents import Document, new_document, to_parquet
from octo.job import produce
from octo.settings.base import Precision
from octo.settings.evaluation import EvaluationSettings
from octo.settings.rl import RlSettings
from octo.storage.artifacts import Artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.committing import commit
from tests.wire.rollouts import settings_on

TESTS = ("assert f(0) % 10 == 3", "assert f(0) > 9", "assert f(1) == f(0)")


@pytest.fixture
def settings(store: Store, embedded: EmbeddedStore) -> RlSettings:
    """A learner that says threes and fours, which are to make a function that returns a number."""
    documents = [
        new_document(
            question,
            source="prompts",
            url=question,
            metadata={
                "question": question,
                "answer": "33",
                "style": "continuation",
                "prefix": "def f(x):\n    return ",
                "tests": TESTS,
            },
        )
        for question in ("1" * length + "=" for length in range(1, 7))
    ]
    problems = commit(store, [{"documents.parquet": to_parquet(documents, Document)}])
    # Cool enough that hardly anything else is said.
    changes = {"problems": problems.address, "num_steps": 2, "temperature": 0.3}
    return settings_on(store, embedded).model_copy(update=changes)


def produced(settings: RlSettings | EvaluationSettings, function: str, **group: Any) -> Artifact:
    changed = type(settings).model_validate(settings.model_dump() | {"s3": settings.s3} | group)
    artifact = produce(changed, function)
    assert isinstance(artifact, Artifact)
    return artifact


def evaluated(settings: RlSettings, **changes: Any) -> Artifact:
    """What programs of the learner's model are worth as it is."""
    evaluation = EvaluationSettings(
        store=settings.store,
        s3=settings.s3,
        probe=False,
        models=(settings.model,),
        problems=settings.problems,
        source="prompts",
        max_new_tokens=6,
        num_examples=6,
    )
    return produced(evaluation, "octo.ml.evaluation.accuracy:evaluate", scoring={"kind": "code"}, **changes)


def share_passed(text: str) -> float:
    """What the tests say of threes and fours, told without running them."""
    return sum((text.endswith("3"), len(text) > 1, True)) / 3


def is_number(text: str) -> bool:
    return bool(re.fullmatch("[34]+", text))


def test_a_policy_is_rewarded_for_programs_that_pass_in_the_sandbox(settings: RlSettings) -> None:
    artifact = produced(settings, "octo.ml.rl.roles:play", reward={"kind": "code", "format_weight": 0.25})
    rollouts = [json.loads(line) for line in artifact.read_one("rollouts.jsonl").splitlines()]
    told = {each["completion"]: each["reward"] for each in rollouts if is_number(each["completion"])}
    assert told == pytest.approx({text: 2 * share_passed(text) + 0.25 for text in told})
    assert len(set(told.values())) > 1
    for line in artifact.read_one("metrics.jsonl").splitlines():
        figures = json.loads(line)
        assert figures["unscorable"] == 0
        assert 0 < figures["pass_rate"] < 1
        assert figures["reward"] == pytest.approx(2 * figures["pass_rate"] + 0.25 * figures["format"])


def test_stop_strings_end_what_a_policy_and_what_an_evaluation_writes(settings: RlSettings) -> None:
    changes = {"reward": {"kind": "code"}, "stops": ("44", ","), "num_steps": 1, "temperature": 1.0}
    artifact = produced(settings, "octo.ml.rl.roles:play", **changes)
    rollouts = [json.loads(line)["completion"] for line in artifact.read_one("rollouts.jsonl").splitlines()]
    found = json.loads(evaluated(settings, stops=("4",), num_samples=1, k=(1,)).read_one("evaluation.json"))
    greedy = [each["completion"] for each in found["examples"]]
    assert not any("44" in text for text in rollouts)
    assert not any("4" in text for text in greedy)
    assert len(rollouts) == 4
    assert len(greedy) == 6


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_an_evaluation_says_what_every_program_did_and_what_stood_around_it(
    settings: RlSettings, precision: Precision
) -> None:
    artifact = evaluated(settings, num_samples=4, k=(1, 4), temperature=settings.temperature, precision=precision)
    found = json.loads(artifact.read_one("evaluation.json"))
    assert found["scoring"] == "code"
    assert found["could_not_run"] == {"greedy": 0, "samples": 0}
    assert {"rlimits", "seccomp"} <= set(found["layers"])
    assert found["greedy"]["total"] == found["problems"] == 6
    by_text = {each["completion"]: each["correct"] for each in found["examples"]}
    assert by_text == {text: is_number(text) and share_passed(text) == 1 for text in by_text}
    for _, outcomes in found["tests"]:
        assert set(outcomes) <= {"pass", "fail", "error"}
    assert 0 < found["pass_at_k"]["1"] < found["pass_at_k"]["4"] <= 1
    assert artifact.manifest.counters == {"problems": 6, "could_not_run.greedy": 0, "could_not_run.samples": 0}
