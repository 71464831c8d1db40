"""A learner and its rollout workers, over real HTTP."""

import hashlib
import json
import signal
import uuid
from collections.abc import Iterator
from functools import partial

import pytest
import torch
from safetensors.torch import load, save

from jobs.rl import main
from octo.errors import PreemptedError, StageFailedError, UsageError
from octo.job import produce
from octo.ml.rl.sampling import Chunk
from octo.settings.loading import arguments_of, secrets_of
from octo.settings.lora import LoraSettings
from octo.settings.midtraining import GangSettings, OptimizerSettings
from octo.settings.rl import RlSettings
from octo.storage.artifacts import Artifact, open_artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.ports import free_ports
from tests.ranks import run_ranks
from tests.wire.rollouts import (
    WorkerProcess,
    elsewhere,
    losing,
    request,
    settings_on,
    worker_processes,
)

FUNCTION = "octo.ml.rl.roles:play"
CHUNK = Chunk(prompts=((20, 21),), ends=(0,), group_size=2, max_new_tokens=3, temperature=1.0, seed=0, step=0, first=0)


@pytest.fixture(scope="module")
def place(connection: Store) -> Store:
    return connection.at(f"{connection.address}/{uuid.uuid4().hex}")


@pytest.fixture(scope="module")
def settings(place: Store, embedded: EmbeddedStore) -> RlSettings:
    return settings_on(place, embedded)


@pytest.fixture(scope="module")
def workers(settings: RlSettings, place: Store) -> Iterator[list[WorkerProcess]]:
    with worker_processes(elsewhere(settings, place, "workers"), 3) as workers:
        yield workers


@pytest.fixture(scope="module")
def alone(settings: RlSettings, place: Store) -> Artifact:
    """What the learner makes without a worker."""
    return trained(elsewhere(settings, place, "alone"))


def trained(settings: RlSettings) -> Artifact:
    produced = produce(settings, FUNCTION)
    assert isinstance(produced, Artifact)
    return produced


def rollouts(artifact: Artifact) -> list[dict[str, object]]:
    return [json.loads(line) for line in artifact.read_one("rollouts.jsonl").splitlines()]


def metrics_of(artifact: Artifact) -> list[dict[str, float]]:
    return [json.loads(line) for line in artifact.read_one("metrics.jsonl").splitlines()]


def weights_of(settings: RlSettings, place: Store) -> bytes:
    return open_artifact(place, settings.model).read_one("model.safetensors")


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def test_a_learner_learns_from_completions_that_name_the_weights_that_made_them(
    alone: Artifact, settings: RlSettings, place: Store
) -> None:
    metrics = metrics_of(alone)
    assert all(0 < line["reward"] < 1 for line in metrics)
    assert all(line["logprob_gap"] < 1e-5 for line in metrics)
    by_step = {record["step"]: record["weights"] for record in rollouts(alone)}
    assert by_step[1] == digest_of(weights_of(settings, place))
    assert len(set(by_step.values())) == len(by_step) == 3


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_policy_is_the_same_to_the_last_bit_whatever_the_number_of_workers(
    settings: RlSettings, place: Store, workers: list[WorkerProcess], alone: Artifact, count: int
) -> None:
    urls = tuple(worker.url for worker in workers[:count])
    artifact = trained(elsewhere(settings, place, f"by-{count}", servers=urls))
    assert artifact.manifest.content == alone.manifest.content
    assert [artifact.read(part) for part in artifact.parts()] == [alone.read(part) for part in alone.parts()]


def test_weights_in_bfloat16_make_the_same_policy_in_a_worker_too(
    settings: RlSettings, place: Store, workers: list[WorkerProcess]
) -> None:
    half = OptimizerSettings(weight_decay=0.0, precision="bfloat16")
    halved = settings.model_copy(update={"optimizer": half})
    expected = trained(elsewhere(halved, place, "half-alone"))
    artifact = trained(elsewhere(halved, place, "half-by-1", servers=(workers[0].url,)))
    assert artifact.manifest.content == expected.manifest.content


def test_a_worker_refuses_what_it_cannot_use_in_a_sentence(
    settings: RlSettings, place: Store, workers: list[WorkerProcess]
) -> None:
    url = workers[0].url
    weights = weights_of(settings, place)
    digest = digest_of(weights)
    chunk = CHUNK.model_dump_json().encode()
    assert request(url, "PUT", "/weights", weights, weights=digest) == (200, digest)
    assert request(url, "GET", "/healthz") == (200, json.dumps({"weights": digest}))
    status, answer = request(url, "POST", "/completions", chunk, weights=digest)
    assert (status, json.loads(answer)["weights"]) == (200, digest)

    stale = request(url, "POST", "/completions", chunk, weights="f" * 64)
    assert stale == (409, f"completions are asked of weights {'f' * 64}, {digest} are loaded")
    damaged = request(url, "PUT", "/weights", weights[:-1] + b"\0", weights=digest)
    assert damaged[0] == 400
    assert damaged[1].startswith(f"expected weights of sha256 {digest}, got ")
    assert request(url, "POST", "/completions", chunk, weights=digest, token="b" * 64)[0] == 401
    assert request(url, "PUT", "/weights", weights, weights=digest, token="")[0] == 401
    assert request(url, "POST", "/completions", b"{}", weights=digest)[0] == 422
    long = CHUNK.model_copy(update={"prompts": ((1,) * 65,)}).model_dump_json().encode()
    status, sentence = request(url, "POST", "/completions", long, weights=digest)
    assert (status, sentence[:51]) == (422, "prompt 1 of 1 has 65 tokens, and the model has 64 p")
    assert request(url, "POST", "/secrets", chunk, weights=digest)[0] == 404
    assert request(url, "GET", "/healthz") == (200, json.dumps({"weights": digest}))


def test_weights_of_another_model_are_refused_and_nothing_is_sampled_until_others_come(
    settings: RlSettings, place: Store, workers: list[WorkerProcess]
) -> None:
    url = workers[0].url
    weights = weights_of(settings, place)
    tensors = load(weights)
    tensors.pop("lm_head.weight")
    other = save(tensors)
    status, sentence = request(url, "PUT", "/weights", other, weights=digest_of(other))
    assert status == 422
    assert sentence.startswith("these weights are not of this worker's model")
    assert "\n" not in sentence
    assert request(url, "POST", "/completions", CHUNK.model_dump_json().encode(), weights=digest_of(other))[0] == 409
    assert request(url, "PUT", "/weights", weights, weights=digest_of(weights))[0] == 200


def test_a_worker_killed_in_mid_step_is_replaced_by_another_and_comes_back(
    settings: RlSettings, place: Store, workers: list[WorkerProcess], alone: Artifact
) -> None:
    first, _, last = workers
    with losing(last, after=0, meanwhile=partial(last.end, signal.SIGKILL)) as url:
        artifact = trained(elsewhere(settings, place, "killed", servers=(url, first.url)))
    assert last.process
    assert last.process.returncode == -signal.SIGKILL
    assert artifact.manifest.content == alone.manifest.content
    # Nobody waits for it: the learner does, and the worker that comes knows no weights.
    last.start()
    artifact = trained(elsewhere(settings, place, "back", servers=(last.url,)))
    assert artifact.manifest.content == alone.manifest.content


def test_a_learner_that_lost_its_workers_goes_on_from_its_last_checkpoint_when_there_are_some(
    settings: RlSettings,
    place: Store,
    workers: list[WorkerProcess],
    alone: Artifact,
    caplog: pytest.LogCaptureFixture,
) -> None:
    saving = settings.model_copy(update={"gang": GangSettings(checkpoint_every=1)})
    two_steps = 2 * 3
    with losing(workers[0], after=two_steps) as url, pytest.raises(StageFailedError):
        trained(elsewhere(saving, place, "resumed", servers=(url,), patience_seconds=0.1))
    artifact = trained(elsewhere(saving, place, "resumed", servers=(workers[0].url,)))
    # What was being saved when it lost them is saved to its end.
    assert "goes on after step 2 of 3" in caplog.text
    assert artifact.manifest.content == alone.manifest.content


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1])
def test_the_ranks_of_a_learner_share_the_completions_that_each_sampled_or_that_workers_did(
    settings: RlSettings, place: Store, workers: list[WorkerProcess], alone: Artifact, count: int
) -> None:
    urls = tuple(worker.url for worker in workers[:count])
    gang = elsewhere(settings, place, f"gang-{count}", servers=urls)
    ran = run_ranks(2, "jobs.rl", *arguments_of(gang), environment=secrets_of(gang))
    assert ran.returncode == 0, ran.stderr
    artifact = open_artifact(place, ran.stdout.split()[-1])
    # Two ranks add up gradients in another order, so only the first step is the same to the last bit.
    first, expected = ([record for record in rollouts(each) if record["step"] == 1] for each in (artifact, alone))
    assert first == expected
    for line, same in zip(metrics_of(artifact), metrics_of(alone), strict=True):
        assert line == pytest.approx(same, rel=1e-3, abs=1e-6)


def test_adapters_are_in_the_weights_that_workers_sample_with_and_in_those_that_are_committed(
    settings: RlSettings, place: Store, workers: list[WorkerProcess]
) -> None:
    adapted = settings.model_copy(update={"lora": LoraSettings(rank=2, modules=("v_proj", "up_proj"))})
    own = trained(elsewhere(adapted, place, "adapted"))
    served = trained(elsewhere(adapted, place, "adapted-served", servers=(workers[0].url,)))
    assert served.manifest.digest == own.manifest.digest
    assert served.manifest.content == own.manifest.content
    before, after = load(weights_of(settings, place)), load(own.read_one("model.safetensors"))
    assert before.keys() == after.keys()
    for name, weight in after.items():
        assert torch.equal(weight, before[name]) != any(part in name for part in ("v_proj", "up_proj")), name


def test_a_learner_without_any_worker_ends_in_one_sentence(
    settings: RlSettings, place: Store, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    [port] = free_ports(1)
    deserted = elsewhere(settings, place, "deserted", servers=(f"http://127.0.0.1:{port}",), patience_seconds=0.5)
    for name, value in secrets_of(deserted).items():
        monkeypatch.setenv(name, value)
    assert main(arguments_of(deserted)) == 1
    [sentence] = [line for line in capfd.readouterr().err.splitlines() if line.startswith("octo: ")]
    assert sentence.startswith("octo: none of 1 rollout workers has answered for ")
    assert f"http://127.0.0.1:{port} does not answer: [Errno 111] Connection refused" in sentence


def test_a_worker_that_nobody_asks_ends_by_itself_and_commits_nothing(settings: RlSettings, place: Store) -> None:
    [port] = free_ports(1)
    idle = elsewhere(settings, place, "idle", port=port, idle_seconds=0.1).model_copy(update={"role": "rollout"})
    with pytest.raises(PreemptedError, match=r"no learner has asked this rollout worker for 0\.1 s"):
        produce(idle, FUNCTION)
    assert list(place.list("idle/artifacts/")) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"servers": ("https://host:1",)}, "--rollout.servers: expected http://host:port, got 'https://host:1'"),
        ({"engine": "vllm"}, "--rollout.engine=vllm samples in workers"),
    ],
)
def test_settings_that_leave_nobody_to_sample_are_refused(
    settings: RlSettings, place: Store, change: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        produce(elsewhere(settings, place, "refused", **change), FUNCTION)
    assert str(refused.value).startswith(said)


def test_a_worker_that_is_told_to_stop_can_be_resumed(workers: list[WorkerProcess]) -> None:
    code, said = workers[1].end(signal.SIGTERM)
    assert code == 75
    assert said == "octo: stopped by SIGTERM; what is committed stays: run again to resume\n"
