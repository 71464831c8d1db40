"""A policy practises on those problems alone that an evaluation of its start found it to solve now and then."""

import json

import pytest

from octo.data.questions import read_questions
from octo.errors import UsageError
from octo.job import produce
from octo.settings.evaluation import EvaluationSettings
from octo.settings.rl import BandSettings
from octo.storage.artifacts import Artifact, open_artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.wire.rollouts import settings_on

LEARN, EVALUATE = "octo.ml.rl.training:reinforce", "octo.ml.evaluation.accuracy:evaluate"


def test_a_policy_practises_on_what_its_start_solves_neither_never_nor_always(
    store: Store, embedded: EmbeddedStore
) -> None:
    learner = settings_on(store, embedded).model_copy(update={"num_steps": 2})
    evaluation = produce(
        EvaluationSettings(
            store=store.address,
            s3=embedded.s3,
            probe=False,
            models=(learner.model,),
            problems=learner.problems,
            source="prompts",
            num_samples=8,
            k=(1,),
            max_new_tokens=6,
        ),
        EVALUATE,
    )
    assert isinstance(evaluation, Artifact)
    verdicts = json.loads(evaluation.read_one("evaluation.json"))["verdicts"]
    chosen = {problem for problem, _, solved in verdicts if 0.2 <= solved / 8 <= 0.6}
    assert 0 < len(chosen) < len(verdicts)
    changes = {"pass_rates": (evaluation.address,), "band": BandSettings(least=0.2, most=0.6)}
    policy = produce(learner.model_copy(update=changes), LEARN)
    assert isinstance(policy, Artifact)
    rollouts = [json.loads(line) for line in policy.read_one("rollouts.jsonl").splitlines()]
    problems = read_questions(open_artifact(store, learner.problems), source="prompts")
    assert {each["prompt"] for each in rollouts} <= {each.text for each in problems if each.id in chosen}
    counters = policy.manifest.counters
    assert counters["problems.too_hard"] + counters["problems.too_easy"] == len(verdicts) - len(chosen)
    assert counters["problems.not_tried"] == 0
    # What it was chosen by is among what it was made from.
    assert [each.digest for each in policy.manifest.inputs["pass_rates"]] == [evaluation.manifest.digest]

    other = learner.model_copy(update={**changes, "model": policy.address})
    with pytest.raises(UsageError, match=f"has no tries of rl/{policy.manifest.digest}"):
        produce(other, LEARN)
