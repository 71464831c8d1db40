"""What the pods of each role hold, where they compute, and what is refused."""

import json

import pytest

from octo.errors import UsageError
from octo.memory_model import PROCESS
from octo.outcome import concluded
from octo.render.command import render_command
from octo.render.fitting import GIB, Known, RoleMemory, memory_of, refuse_misfit
from octo.render.jobset import jobset
from octo.render.roles import roles
from octo.settings.base import JobSettings, Need
from octo.settings.curation import CurationSettings
from octo.settings.decoding import DecodingSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.installation import Installation, Pool
from octo.settings.loading import arguments_of
from octo.settings.lora import LoraSettings
from octo.settings.midtraining import MidtrainingSettings, ModelShape, OptimizerSettings
from octo.settings.rl import RlSettings, RolloutSettings
from octo.settings.tuning import TuningSettings
from octo.transformer_shape import shape_of

SHAPE = shape_of(
    {
        "model_type": "qwen2",
        "vocab_size": 152_064,
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
    }
)
NUM_WEIGHTS = SHAPE.num_parameters
GPUS = Installation(pools=(Pool(name="cpus"), Pool(name="gpus", accelerators=8, accelerator_memory_gib=80)))
BFLOAT16 = OptimizerSettings(precision="bfloat16", zero_stage=2)
EIGHT = Need(accelerators=8, memory_gib=400)


def found(settings: JobSettings, *, is_diffusion: bool = False, installation: Installation = GPUS) -> list[RoleMemory]:
    known = Known(SHAPE, length=4096, is_diffusion=is_diffusion)
    return list(memory_of(settings, known, roles(settings, installation)))


def test_a_rank_for_each_accelerator_shares_the_optimizer() -> None:
    [one], [two] = (
        found(MidtrainingSettings(optimizer=BFLOAT16, need=EIGHT.model_copy(update={"pods": pods}))) for pods in (1, 2)
    )
    assert one.footprint.optimizer == 12 * -(-NUM_WEIGHTS // 8)
    assert two.footprint.optimizer == 12 * -(-NUM_WEIGHTS // 16)
    assert (one.ranks, one.room) == (8, 80 * GIB)


@pytest.mark.parametrize("job", [MidtrainingSettings, TuningSettings])
def test_of_a_sequence_that_four_ranks_compute_each_holds_a_quarter(
    job: type[MidtrainingSettings | TuningSettings],
) -> None:
    plain = BFLOAT16.model_copy(update={"reduction": "plain"})
    whole, parts = (
        found(job(optimizer=plain, need=EIGHT, batch_size=16, micro_batch_size=1, sequence_parallel=size))[0].footprint
        for size in (1, 4)
    )
    assert parts.weights == whole.weights
    assert parts.activations == pytest.approx(whole.activations / 4, rel=0.01)


def test_a_pod_holds_a_process_for_each_rank_that_reads_the_model() -> None:
    [memory] = found(MidtrainingSettings(optimizer=BFLOAT16, need=EIGHT))
    assert memory.own == 8 * (PROCESS + 4 * NUM_WEIGHTS)


@pytest.mark.parametrize(
    ("settings", "reads_whole"),
    [
        (MidtrainingSettings(model="a", need=EIGHT), False),
        (TuningSettings(need=EIGHT), False),
        (MidtrainingSettings(need=EIGHT), True),
        (MidtrainingSettings(model="a", need=EIGHT, objective="diffusion"), True),
    ],
)
def test_at_stage_3_a_model_that_is_changed_before_it_is_trained_is_read_whole(
    settings: MidtrainingSettings | TuningSettings, *, reads_whole: bool
) -> None:
    optimizer = BFLOAT16.model_copy(update={"zero_stage": 3})
    [memory] = found(settings.model_copy(update={"optimizer": optimizer}))
    # Each rank copies its share of the optimizer for checkpoints, once there is a model.
    assert memory.own == 8 * (PROCESS + max(4 * NUM_WEIGHTS * reads_whole, 12 * NUM_WEIGHTS // 8))


def test_on_processors_the_pods_own_memory_is_all_there_is() -> None:
    [memory] = found(MidtrainingSettings(need=Need(memory_gib=300)))
    assert memory.own == memory.footprint.total
    assert memory.room == 300 * GIB


def test_a_diffusion_policy_has_its_reference_beside_it_and_three_canvases_for_a_completion() -> None:
    causal, diffusion = (
        found(RlSettings(optimizer=BFLOAT16, need=EIGHT, micro_batch_size=1), is_diffusion=each)[0].footprint
        for each in (False, True)
    )
    assert diffusion.weights == causal.weights + 2 * NUM_WEIGHTS
    assert diffusion.activations == 3 * causal.activations


def test_a_learner_that_samples_has_matrices_with_adapters_twice_where_that_is_more_than_it_learns_with() -> None:
    adapted = RlSettings(
        lora=LoraSettings(rank=8, modules=("q_proj", "up_proj")), optimizer=BFLOAT16, need=EIGHT, micro_batch_size=1
    )
    [samples] = found(adapted)
    served, _workers = found(adapted.model_copy(update={"rollout": RolloutSettings(pods=1)}))
    assert samples.footprint.weights == served.footprint.weights + 2 * 28 * 3584 * (3584 + 18944)
    assert samples.footprint.total > served.footprint.total
    [learns] = found(adapted.model_copy(update={"micro_batch_size": 96}))
    assert learns.footprint.moment == "backward"


def test_rollout_workers_hold_weights_and_what_they_decode() -> None:
    settings = RlSettings(optimizer=BFLOAT16, need=EIGHT, rollout=RolloutSettings(pods=2, memory_gib=64))
    learner, rollout = found(settings)
    assert (learner.role.name, rollout.role.name) == ("learner", "rollout")
    assert rollout.footprint.weights == 2 * NUM_WEIGHTS
    split = settings.rollout.model_copy(update={"engine": "vllm", "tensor_parallel": 2})
    assert found(settings.model_copy(update={"rollout": split}))[1].footprint.weights == NUM_WEIGHTS


@pytest.mark.parametrize("job", [EvaluationSettings, DecodingSettings])
def test_a_decoder_of_a_causal_model_keeps_keys_and_values(job: type[JobSettings]) -> None:
    [memory] = found(job(need=Need(accelerators=1, memory_gib=40)))
    assert memory.footprint.weights == 4 * NUM_WEIGHTS
    assert memory.footprint.moment == "decoding"


def test_a_job_without_a_model_holds_none() -> None:
    assert found(CurationSettings()) == []


def refused(settings: JobSettings, stage: str = "") -> str:
    known = Known(SHAPE, length=4096)
    with pytest.raises(UsageError) as error:
        refuse_misfit(settings, known, memory_of(settings, known, roles(settings, GPUS)), stage=stage)
    return str(error.value)


def test_a_pod_with_too_little_memory_beside_its_accelerators_is_told_how_much() -> None:
    settings = MidtrainingSettings(optimizer=BFLOAT16, need=Need(pods=2, accelerators=8, memory_gib=32), batch_size=16)
    settings = settings.model_copy(update={"micro_batch_size": 1})
    said = refused(settings)
    assert said == (
        "midtraining: a pod holds about 230 GiB beside its accelerators, and is given 32 GiB; "
        "give --need.memory-gib=231"
    )


def test_where_no_change_is_enough_by_itself_all_are_given_together() -> None:
    settings = MidtrainingSettings(
        optimizer=OptimizerSettings(zero_stage=0), need=Need(accelerators=1, memory_gib=99), micro_batch_size=16
    )
    said = refused(settings, "stable")
    assert "give --set stable.optimizer.zero_stage=3 --set stable.optimizer.gradient_checkpointing=true" in said
    assert said.endswith("together")


def test_a_decoder_that_cannot_fit_is_sent_to_larger_accelerators() -> None:
    said = refused(EvaluationSettings(need=Need(accelerators=1, memory_gib=64), batch_size=8192, max_new_tokens=4096))
    assert "at its decoding, and an accelerator of pool gpus has 80 GiB; take a pool with accelerators of " in said


LARGE = ModelShape(hidden_size=8192, intermediate_size=28672, num_layers=80, num_heads=64, num_key_value_heads=8)


def test_a_new_model_that_cannot_fit_is_refused_where_it_is_rendered(capsys: pytest.CaptureFixture[str]) -> None:
    settings = MidtrainingSettings(shape=LARGE, need=EIGHT)
    pools = json.dumps([pool.model_dump() for pool in GPUS.pools])
    arguments = ["midtraining", *arguments_of(settings), f"--installation.pools={pools}"]
    assert concluded(render_command, arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("octo: midtraining: a rank holds about ")
    small = MidtrainingSettings(need=EIGHT, micro_batch_size=2, tokens=("s3://bucket/p/artifacts/tokenization/0",))
    assert concluded(render_command, ["midtraining", *arguments_of(small), f"--installation.pools={pools}"]) == 0


def test_a_model_that_is_continued_is_rendered_as_it_is() -> None:
    settings = MidtrainingSettings(shape=LARGE, model="s3://a/artifacts/rl/" + "0" * 64, need=EIGHT, micro_batch_size=2)
    assert jobset(settings, GPUS)["kind"] == "JobSet"
