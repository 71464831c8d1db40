"""What holds no number on one of two real ranks stops both, or is skipped by both, and nothing of it is applied."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from octo.errors import OctoError
from octo.settings.loading import arguments_of, secrets_of
from octo.settings.midtraining import MidtrainingSettings, ModelShape
from octo.storage.artifacts import Artifact, find_artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.ranks import run_ranks
from tests.token_shards import commit_tokens
from tests.wire.spoilt_run import WEIGHT, Spoilt, ends_of, trained

SHAPE = ModelShape(hidden_size=16, intermediate_size=32, num_layers=2, num_heads=2, num_key_value_heads=1)
EXACT = [{"zero_stage": stage} for stage in range(4)]
PLAIN = [{"reduction": "plain", "zero_stage": stage} for stage in range(4)]
KINDS = ("nan gradient", "inf gradient", "weight")
STEPS, BAD = 7, (1, 3)
MOST_IN_A_ROW = 2


class Cases:
    """Trainings of the same data, each in a store of its own."""

    def __init__(self, store: Store, embedded: EmbeddedStore, folder: Path) -> None:
        self.store, self.s3, self.folder = store, embedded.s3, folder
        self.tokens = commit_tokens(store, folder / "tokens", {"web": [40], "math": [20]})
        self.secrets = secrets_of(MidtrainingSettings(s3=self.s3))

    def case(
        self, name: str, what: Any, optimizer: dict[str, Any], *, action: str, ranks: int, every: int = 0
    ) -> Spoilt:
        settings = MidtrainingSettings(
            store=f"{self.store.address}/{name}",
            s3=self.s3,
            probe=False,
            tokens=(self.tokens.address,),
            shape=SHAPE,
            batch_size=4,
            micro_batch_size=1,
            num_steps=STEPS,
            optimizer=optimizer,
            need={"pods": ranks},
            gang={"checkpoint_every": every},
            bad_steps={"action": action, "most_in_a_row": MOST_IN_A_ROW},
        )
        return Spoilt(name=name, flags=arguments_of(settings), what=what, steps=BAD)

    def run(self, ranks: int, cases: list[Spoilt]) -> Any:
        told = [case.model_dump_json() for case in cases]
        return run_ranks(ranks, "tests.wire.spoilt_run", str(self.folder), *told, environment=self.secrets)

    def made(self, name: str) -> Artifact | None:
        at = self.store.at(f"{self.store.address}/{name}")
        digests = {key.split("/")[2] for key in at.list("artifacts/midtraining/")}
        return find_artifact(at, "midtraining", digests.pop()) if digests else None

    def steps_kept(self, name: str) -> set[int]:
        keys = self.store.at(f"{self.store.address}/{name}").list("checkpoints/")
        return {int(key.split("/step-")[1].split("/")[0]) for key in keys if "/step-" in key}


@pytest.fixture
def cases(store: Store, embedded: EmbeddedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cases:
    made = Cases(store, embedded, tmp_path)
    for name, value in made.secrets.items():
        monkeypatch.setenv(name, value)
    return made


def lines_of(artifact: Artifact) -> list[dict[str, float]]:
    return [json.loads(line, parse_constant=pytest.fail) for line in artifact.read_one("metrics.jsonl").splitlines()]


def check(cases: Cases, ended: Any, told: list[Spoilt]) -> None:
    """Each of them, beside the same on one rank."""
    alone: dict[tuple[str, str], str] = {}
    for case in told:
        stops = "--bad-steps.action=skip" not in case.flags
        ends = ends_of(cases.folder, case.name)
        assert len(ends) == 2, (case.name, ended.stderr)
        # Alike on both.
        assert ends[0] == ends[1], case.name
        exit_code, said = ends[0]
        is_plain = "--optimizer.reduction=plain" in case.flags
        if case.what == "weight" or stops:
            assert exit_code == 1, (case.name, said)
            assert cases.made(case.name) is None
            # What was kept is of before.
            assert all(step <= BAD[0] + 1 for step in cases.steps_kept(case.name)), case.name
            if case.what == "weight" and "is to be saved and holds a NaN" in said:
                # Heard of first where a checkpoint is begun before the weight is computed with, or steps are skipped.
                assert "--gang.checkpoint-every=2" in case.flags
                continue
            if not stops:
                assert f"{MOST_IN_A_ROW + 1} steps in a row are to be skipped" in said, case.name
            else:
                # Where DeepSpeed updates weights apart from those that are computed with, these follow a step later.
                most_late = int(case.what == "weight" and is_plain)
                assert any(f"of step {BAD[0] + 1 + late} " in said for late in range(most_late + 1)), (case.name, said)
            # Rows of both ranks' micro-batches.
            assert said.count(" rows ") == 2, (case.name, said)
            told_of = f"the weight {WEIGHT}" if case.what == "weight" else "the gradient of"
            if not (is_plain and "--optimizer.zero-stage=3" in case.flags):
                assert told_of in said, (case.name, said)
        else:
            assert exit_code == 0, (case.name, said)
            made = cases.made(case.name)
            assert made
            assert [line.get("skipped", 0) for line in lines_of(made)] == [int(step in BAD) for step in range(STEPS)]
            if not is_plain:
                key = case.what, "skip"
                if key not in alone:
                    twin = cases.case(f"alone-{case.what.split()[0]}", case.what, {}, action="skip", ranks=1)
                    trained(twin)
                    one = cases.made(twin.name)
                    assert one
                    alone[key] = one.manifest.content
                assert made.manifest.content == alone[key], case.name


def test_what_is_no_number_on_one_rank_is_skipped_or_ends_all_ranks_of_it(cases: Cases) -> None:
    told = [
        cases.case("skip-0", "nan gradient", EXACT[0], action="skip", ranks=2),
        cases.case("skip-3", "inf gradient", EXACT[3], action="skip", ranks=2),
        cases.case("stop-3", "weight", EXACT[3], action="stop", ranks=2),
    ]
    last = cases.case("last", "inf gradient", EXACT[1], action="stop", ranks=2)
    ended = cases.run(2, [*told, last])
    check(cases, ended, told)
    # As the process of a pod ends.
    assert ended.returncode == 1
    said = ended.stderr.splitlines()[-1]
    assert said.startswith(f"octo: the gradient's norm of step {BAD[0] + 1} is no number")
    with pytest.raises(OctoError) as alone:
        trained(cases.case("last-alone", "inf gradient", EXACT[1], action="stop", ranks=1))
    assert said == f"octo: {alone.value}"


@pytest.mark.slow
@pytest.mark.parametrize("optimizers", [EXACT, PLAIN], ids=["exact", "plain"])
def test_what_is_no_number_on_one_rank_of_any_stage_is_no_number_to_all(
    cases: Cases, optimizers: list[dict[str, Any]]
) -> None:
    told = [
        cases.case(
            f"{action}-{what.replace(' ', '-')}-{optimizer['zero_stage']}",
            what,
            optimizer,
            action=action,
            ranks=2,
            every=2,
        )
        for optimizer, what, action in product(optimizers, KINDS, ("stop", "skip"))
    ]
    ended = cases.run(2, [*told, cases.case("last", "nan gradient", optimizers[1], action="stop", ranks=2)])
    check(cases, ended, told)
    assert ended.returncode == 1
