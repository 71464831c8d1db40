"""The body that decoding runs is that of transformers, for the columns that are asked about, whatever the model."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from octo.errors import UsageError
from octo.ml.diffusion.body import states
from octo.ml.diffusion.denoiser import become_diffusion
from octo.ml.diffusion.drafting import denoise_by_drafts
from octo.ml.diffusion.opening import open_attention
from octo.ml.diffusion.sampler import denoise
from octo.ml.documents import open_documents
from octo.settings.denoising import DenoisingSettings
from tests.unit.ml.diffusion.models import KINDS, VOCABULARY_SIZE, some_requests

SMALL = {
    "vocab_size": VOCABULARY_SIZE,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
GPT2 = {"vocab_size": VOCABULARY_SIZE, "n_embd": 32, "n_layer": 3, "n_head": 4, "attn_pdrop": 0.0}
ARCHITECTURES = {
    "llama": SMALL,
    "qwen2": SMALL,
    "qwen3": SMALL | {"head_dim": 8},
    "mistral": SMALL | {"sliding_window": None},
    "smollm3": SMALL | {"no_rope_layer_interval": 2},
    "olmo2": SMALL,
    "granite": SMALL | {"embedding_multiplier": 2.0, "residual_multiplier": 0.7},
    "gpt2": GPT2 | {"bos_token_id": None, "eos_token_id": None},
}


def new(architecture: str, **changes: object):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(architecture, **ARCHITECTURES[architecture] | changes)
    )
    # Of new models the biases are zero, and nothing would show that they are left out.
    for parameter in model.parameters():
        parameter.data.add_(0.1 * torch.randn(parameter.shape))
    return model.double().eval()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("padding", [0, 3])
@torch.no_grad()
def test_states_are_those_of_transformers(architecture: str, padding: int) -> None:
    model = new(architecture)
    torch.manual_seed(padding)
    tokens_BS = torch.randint(0, 50, (2, 12))
    valid_BS = torch.ones(2, 12, dtype=torch.bool)
    valid_BS[0, :padding] = False
    asked_BS = torch.rand(2, 12) < 0.5
    asked_BS[0, :padding] = False
    asked_BS[1, 0] = True
    positions_BS = (valid_BS.cumsum(dim=-1) - 1).clamp(min=0)
    everything_B1SS = valid_BS[:, None, None, :].expand(-1, 1, 12, -1)
    whole_BSD = model.base_model(
        input_ids=tokens_BS, attention_mask=everything_B1SS, position_ids=positions_BS, use_cache=False
    ).last_hidden_state
    found_ND = states(model, tokens_BS, positions_BC=positions_BS, sees_BCS=valid_BS[:, None, :], asked_BC=asked_BS)
    torch.testing.assert_close(found_ND, whole_BSD[asked_BS], atol=1e-12, rtol=1e-6)


@pytest.mark.parametrize("architecture", ["qwen3", "olmo2"])
@pytest.mark.parametrize("name", ["apart", "blocks"])
def test_what_is_kept_from_one_pass_to_another_is_kept_of_every_model(architecture, name) -> None:
    model = new(architecture)
    become_diffusion(model.config, KINDS[name])
    requests = some_requests(4)
    settings = DenoisingSettings(temperature=1.0)
    found = [denoise(model, [each], settings=settings, seed=0)[0] for each in requests]
    drafted = denoise_by_drafts(model, requests, settings=settings, seed=0, draft_length=3)
    assert [(each.tokens, each.order) for each in drafted] == [(each.tokens, each.order) for each in found]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_attention_can_be_opened_of_models_that_look_at_everything_before_them(architecture) -> None:
    open_attention(new(architecture))


def test_a_model_with_windows_says_that_it_cannot_become_a_diffusion_model() -> None:
    model = new("mistral", sliding_window=9)
    with pytest.raises(UsageError, match="a mistral model attends to 9 positions at most in some of its layers"):
        open_attention(model)


def test_so_does_one_that_reads_from_left_to_right_by_other_means(monkeypatch) -> None:
    model = new("llama")
    body = model.model.forward

    def read_in_turn(**given):
        """By what is before each column alone, as a recurrence does."""
        lengths = range(1, given["input_ids"].shape[1] + 1)
        documents = given.pop("documents")
        states = [
            body(
                **{name: given[name][:, :length] for name in ("input_ids", "position_ids")},
                documents=open_documents(documents.slices_BS[:, :length]),
            ).last_hidden_state[:, -1:]
            for length in lengths
        ]
        return type("Output", (), {"last_hidden_state": torch.cat(states, dim=1)})

    open_attention(model)
    monkeypatch.setattr(model.model, "forward", read_in_turn)
    with pytest.raises(UsageError, match="a llama model reads from left to right whatever its attention is told"):
        open_attention(model)


def test_a_model_that_scales_its_logits_is_not_denoised_at_another_temperature() -> None:
    model = new("granite", logits_scaling=8.0)
    become_diffusion(model.config, KINDS["apart"])
    with pytest.raises(UsageError, match="a granite model does something of its own to its head's logits"):
        denoise(model, some_requests(1), settings=DenoisingSettings(), seed=0)
