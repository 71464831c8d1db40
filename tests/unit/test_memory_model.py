"""What a model takes in memory, by arithmetic; tests/bench/memory_model.py sets it beside what is measured."""

from itertools import pairwise

import pytest

from octo.memory_model import (
    Footprint,
    Training,
    adapter_parameters,
    decoding_footprint,
    footprint,
    key_value_elements,
)
from octo.memory_plain import SMALL_BUCKET
from octo.settings.lora import LoraSettings
from octo.settings.midtraining import OptimizerSettings
from octo.transformer_shape import shape_of

LLAMA_8B = shape_of(
    {
        "model_type": "llama",
        "vocab_size": 128_256,
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
    }
)
N = LLAMA_8B.num_parameters


def held(
    *,
    length: int = 8192,
    micro_batches: int = 8,
    ranks: int = 64,
    on_accelerator: bool = True,
    saves: bool = False,
    adapters: int = 0,
    **optimizer: object,
) -> Footprint:
    given = {"precision": "bfloat16", "zero_stage": 2, **optimizer}
    training = Training(
        num_tokens=length,
        num_predicted=length,
        num_micro_batches=micro_batches,
        ranks=ranks,
        optimizer=OptimizerSettings.model_validate(given),
        on_accelerator=on_accelerator,
        saves=saves,
        lora=LoraSettings(rank=adapters),
    )
    return footprint(LLAMA_8B, training)


@pytest.mark.parametrize(
    ("reduction", "stage", "bytes_of_a_weight"),
    [("plain", 1, 14), ("plain", 2, 14), ("plain", 3, 12), *(("fixed-order", stage, 12) for stage in range(4))],
)
def test_what_is_saved_is_copied_in_the_machines_own_memory(reduction: str, stage: int, bytes_of_a_weight: int) -> None:
    how = {"reduction": reduction, "zero_stage": stage}
    without, there, here = (
        held(**how, saves=saves, on_accelerator=on_accelerator)
        for saves, on_accelerator in ((False, True), (True, True), (True, False))
    )
    copied = bytes_of_a_weight * -(-N // 64)
    assert (without.offloaded, there.offloaded, here.offloaded) == (0, copied, 0)
    assert (without.saved, there.saved, here.saved) == (0, 0, copied)
    assert there.total == without.total
    assert here.total == held(**how, on_accelerator=False).total + copied


def test_each_stage_of_zero_partitions_more_over_the_ranks() -> None:
    by_stage = [held(zero_stage=stage, reduction="plain") for stage in (1, 2, 3)]
    assert all(later.total < earlier.total for earlier, later in pairwise(by_stage))
    assert [each.weights for each in by_stage[:2]] == [2 * N, 2 * N]
    assert by_stage[2].weights < 2.2e9 + 2 * N / 64, "a share, and what is gathered"
    assert all(each.optimizer == 12 * -(-N // 64) for each in by_stage)


def test_gradients_of_a_fixed_order_are_partitioned_at_every_stage() -> None:
    by_stage = [held(zero_stage=stage) for stage in range(4)]
    assert by_stage[0].optimizer == 12 * N
    assert by_stage[1] == by_stage[2]
    assert all(each.optimizer == 12 * -(-N // 64) for each in by_stage[1:])
    beside = 2 * LLAMA_8B.num_embedding_parameters + 4096 + LLAMA_8B.num_layer_parameters
    assert by_stage[3].weights == 2 * (-(-N // 64) + beside)
    for stage, ours in enumerate(by_stage[1:3], start=1):
        assert ours.total < held(zero_stage=stage, reduction="plain").total


def test_one_rank_holds_what_many_share() -> None:
    assert held(ranks=1).optimizer == 12 * N
    assert held(ranks=1).total > 16 * N
    assert held(ranks=2).total < held(ranks=1).total


def test_activations_are_linear_in_the_length_and_logits_do_not_grow() -> None:
    short, double, fourfold = (held(length=length) for length in (2048, 4096, 8192))
    assert fourfold.activations == 2 * double.activations == 4 * short.activations
    assert short.logits == fourfold.logits


def test_checkpointing_keeps_one_layer_and_the_stream() -> None:
    whole, kept = held(), held(gradient_checkpointing=True)
    assert kept.activations < whole.activations / 8
    assert kept.weights == whole.weights


def test_a_share_of_the_layers_is_held_in_between() -> None:
    whole, half, none = (
        held(gradient_checkpointing=True, checkpointed_layers=share).activations for share in (1, 0.5, 1 / 32)
    )
    assert whole < half < none < held().activations
    assert half - whole == pytest.approx((held().activations - whole) / 2, rel=0.1)


def test_a_processor_keeps_logits_for_the_way_back_up_to_a_size() -> None:
    few, many, more = (held(ranks=1, length=length, on_accelerator=False).logits for length in (256, 8192, 16384))
    assert few < many == more
    assert 0 < held(ranks=1).logits == held(ranks=1, length=256).logits


def test_logits_are_gone_when_gradients_are_exchanged_and_the_more_of_both_is_counted() -> None:
    alone, together = held(ranks=1, on_accelerator=False), held(ranks=2, on_accelerator=False)
    assert (alone.moment, together.moment) == ("backward", "exchange")
    assert alone.logits > 0 == alone.buffers
    assert together.buffers > 0 == together.logits


def test_adapters_take_the_optimizers_place_and_the_weights_stay() -> None:
    of_all, of_few = held(ranks=1), held(ranks=1, adapters=16)
    num = adapter_parameters(LLAMA_8B, LoraSettings(rank=16))
    assert num == 41_943_040, "peft's own count of such adapters"
    assert of_few.optimizer == 12 * num
    assert of_few.weights == 2 * (N + num)
    assert of_few.total < of_all.total / 2


def test_an_offloaded_optimizer_is_in_the_machines_memory() -> None:
    here, there = held(reduction="plain"), held(reduction="plain", offload_optimizer="cpu")
    assert there.optimizer == 0
    assert there.offloaded > here.optimizer
    assert there.total < here.total


def test_a_processor_that_offloads_holds_it_all_the_same() -> None:
    plain = {"on_accelerator": False, "reduction": "plain"}
    here, there = held(**plain), held(**plain, offload_optimizer="cpu")
    assert there.offloaded == 0
    assert there.optimizer > here.optimizer


def test_float32_without_zero_is_four_times_the_weights_and_the_activations() -> None:
    found = held(zero_stage=0, precision="float32", ranks=1, micro_batches=2)
    assert (found.weights, found.optimizer, found.gradients > 4 * N) == (4 * N, 8 * N, True)


def test_an_accelerator_takes_its_bucket_before_it_is_filled() -> None:
    plain = OptimizerSettings(zero_stage=2, reduction="plain")
    tiny = shape_of({"model_type": "llama", "vocab_size": 64, "hidden_size": 32, "intermediate_size": 64} | _HEADS)
    found = {where: footprint(tiny, Training(64, 64, 1, 1, plain, on_accelerator=where)) for where in (True, False)}
    assert found[True].buffers >= 4 * SMALL_BUCKET
    assert found[False].buffers < 1 << 20


_HEADS = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}


def test_the_parts_are_all_there_is() -> None:
    found = held()
    parts = (found.weights, found.gradients, found.optimizer, found.activations, found.logits, found.buffers)
    assert found.total == sum(parts) + found.process


def test_decoding_holds_keys_and_values_of_all_layers() -> None:
    assert key_value_elements(LLAMA_8B, 16, 4096) == 2 * 32 * 1024 * 16 * 4096
    one, sixteen = (
        decoding_footprint(LLAMA_8B, num_sequences=num, length=4096, precision="bfloat16", on_accelerator=True)
        for num in (1, 16)
    )
    assert one.weights == sixteen.weights == 2 * N
    assert sixteen.activations == 16 * one.activations >= 2 * key_value_elements(LLAMA_8B, 16, 4096)


def test_layers_with_a_window_keep_no_more_than_it() -> None:
    windowed = shape_of(
        {
            "model_type": "gemma3_text",
            "vocab_size": 64,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 6,
            "num_attention_heads": 4,
            "num_key_value_heads": 1,
            "head_dim": 8,
            "sliding_window": 512,
            "layer_types": [*["sliding_attention"] * 5, "full_attention"],
        }
    )
    assert key_value_elements(windowed, 1, 4096) == 2 * 8 * (5 * 512 + 4096)


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_no_part_is_negative_whatever_the_setting(stage: int) -> None:
    for precision in ("float32", "bfloat16"):
        for ranks in (1, 3, 512):
            if stage == 0 and precision == "bfloat16":
                continue
            for accelerated in (True, False):
                found = held(zero_stage=stage, precision=precision, ranks=ranks, on_accelerator=accelerated)
                assert min(found.gradients, found.activations, found.buffers, found.optimizer) >= 0
