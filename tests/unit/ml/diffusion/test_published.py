"""Published masked-diffusion models are transformers' own classes under other names, and say what they said."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from octo.errors import InputError
from octo.ml.attention import attend_by_documents
from octo.ml.diffusion.canvases import Request
from octo.ml.diffusion.denoiser import Kind, kind_of, sight_of
from octo.ml.diffusion.published import published
from octo.ml.diffusion.sampler import denoise
from octo.ml.tensor_files import rename_tensors
from octo.settings.denoising import DenoisingSettings
from tests.unit.ml.diffusion.layouts import CONFIGS, LAYERS, logits_of, tensors_of

KINDS = {
    "dream": Kind(95, 91),
    "llada": Kind(95, 90, shift=False),
    "sdar": Kind(95, 90, "blocks", shift=False, block_length=4),
}
TOKENS = [3, 1, 4, 1, 5, 9, 2, 6, 95, 95, 95, 13, 95]


def renamed(layout: str, folder: Path) -> dict[str, torch.Tensor]:
    save_file(tensors_of(layout), folder / "published.safetensors")
    rename_tensors(folder / "published.safetensors", folder / "model.safetensors", published(CONFIGS[layout]).rename)
    return load_file(folder / "model.safetensors")


def read(layout: str, folder: Path):
    """The model as transformers has it, of the file's bytes with other names."""
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**published(CONFIGS[layout]).config))
    model.load_state_dict(renamed(layout, folder), strict=True)
    return model.double().eval()


@pytest.mark.parametrize("layout", CONFIGS)
@torch.no_grad()
def test_a_model_of_each_layout_says_what_its_description_says(layout, tmp_path) -> None:
    model = read(layout, tmp_path)
    kind = kind_of(model.config)
    assert kind == KINDS[layout] == published(CONFIGS[layout]).kind
    valid_BS = torch.ones(1, len(TOKENS), dtype=torch.bool)
    attend_by_documents(model)
    sight = sight_of(valid_BS, torch.zeros_like(valid_BS), kind)
    logits_BSV = model(
        input_ids=torch.tensor([TOKENS]),
        documents=sight.documents(),
        position_ids=sight.positions_BS,
        use_cache=False,
    ).logits
    expected = logits_of(layout, tensors_of(layout), TOKENS)
    # Norms and rotary angles are float32 in transformers.
    torch.testing.assert_close(logits_BSV[0], expected, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("layout", CONFIGS)
def test_it_denoises_as_its_description_does(layout, tmp_path) -> None:
    kind = KINDS[layout]
    prompt, length = [7, 8, 9, 10, 11, 12], 7
    settings = DenoisingSettings(order="maskgit_plus")
    [completed] = denoise(read(layout, tmp_path), [Request(prompt, length, ())], settings=settings, seed=0)
    tensors, canvas, order = tensors_of(layout), [*prompt, *[kind.mask_id] * length], []
    while kind.mask_id in canvas:
        first = canvas.index(kind.mask_id)
        # Whole, or the block of the first mask; blocks are counted through prompt and completion.
        last = (first // kind.block_length + 1) * kind.block_length if kind.block_length else len(canvas)
        chances = logits_of(layout, tensors, canvas)
        chances[:, kind.mask_id] = -torch.inf
        sureness = chances.softmax(dim=-1).amax(dim=-1)
        masked = [place for place in range(first, min(last, len(canvas))) if canvas[place] == kind.mask_id]
        chosen = max(masked, key=lambda place: sureness[place - kind.shift].item())
        canvas[chosen] = int(chances[chosen - kind.shift].argmax())
        order.append(chosen - len(prompt))
    assert (completed.tokens, completed.order) == (canvas[len(prompt) :], order)


@pytest.mark.parametrize("layout", CONFIGS)
def test_its_configuration_is_transformers_own_and_points_at_no_code(layout) -> None:
    config = published(CONFIGS[layout]).config
    assert config["model_type"] in ("qwen2", "llama", "qwen3")
    assert config["pad_token_id"] is None
    assert "auto_map" not in config
    written = json.loads(AutoConfig.for_model(**config).to_json_string())
    assert kind_of(AutoConfig.for_model(**written)) == KINDS[layout]
    assert written["rope_parameters"]["rope_theta"] == CONFIGS[layout]["rope_theta"]


def test_what_is_of_no_published_layout_is_left_to_others() -> None:
    assert published({"model_type": "llama"}) is None
    assert published({}) is None


@pytest.mark.parametrize(
    ("layout", "changes", "sentence"),
    [
        ("dream", {"mask_token_id": None}, "this Dream model says mask_token_id=None: write the number there"),
        ("dream", {"use_sliding_window": True}, "this Dream model has use_sliding_window=True"),
        ("dream", {"block_size": 32}, "this Dream model has block_size=32, and octo reads those with block_size=None"),
        (
            "llada",
            {"block_type": "sequential"},
            "has block_type=sequential, and octo reads those with block_type=llama",
        ),
        ("llada", {"include_qkv_bias": True}, "this LLaDA model has include_qkv_bias=True"),
        ("llada", {"rope": False}, "this LLaDA model has rope=False"),
        ("llada", {"d_model": "wide"}, "this LLaDA model says d_model=wide"),
        ("sdar", {"block_size": 0}, "this SDAR model has block_size 0: expected 1 or more"),
        ("sdar", {"mask_token_id": "<|MASK|>"}, "this SDAR model says mask_token_id=<|MASK|>: write the number there"),
    ],
)
def test_a_model_that_the_class_cannot_be_is_refused_in_a_sentence(layout, changes, sentence) -> None:
    with pytest.raises(InputError, match=sentence.replace("|", r"\|")):
        published(CONFIGS[layout] | changes)


def test_without_numbers_of_its_own_llada_shares_keys_as_it_says() -> None:
    config = CONFIGS["llada"] | {"n_kv_heads": None, "mlp_hidden_size": None, "embedding_size": None}
    native = published(config).config
    assert (native["num_key_value_heads"], native["intermediate_size"], native["vocab_size"]) == (4, 128, 94)
    assert published(config | {"multi_query_attention": True}).config["num_key_value_heads"] == 1


def test_tensors_are_copied_bit_by_bit(tmp_path) -> None:
    found, tensors = renamed("llada", tmp_path), tensors_of("llada")
    assert len(found) == len(tensors) == 3 + 9 * LAYERS
    for name, tensor in tensors.items():
        assert torch.equal(found[published(CONFIGS["llada"]).rename(name)], tensor)


@pytest.mark.parametrize(
    "name",
    ["model.layers.0.mlp.up_proj.weight", "model.transformer.blocks.0.wte.weight", "model.transformer.wpe.weight"],
)
def test_a_tensor_of_another_layout_is_refused(name) -> None:
    with pytest.raises(InputError, match=f"tensor {name} is none of a LLaDA model"):
        published(CONFIGS["llada"]).rename(name)
