"""What is no number is told where it is made, by the name of the first tensor that holds it."""

from collections.abc import Callable
from itertools import product
from math import inf, isfinite, nan
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from octo import telemetry
from octo.errors import InputError, InvariantError
from octo.ml.bad_steps import BadSteps, Made
from octo.ml.diffusion.drafting import denoise_by_drafts
from octo.ml.diffusion.sampler import denoise
from octo.ml.engine import Engine, Loss, StepResult
from octo.ml.heads import Asked, model_logprobs
from octo.ml.models import model_parts, read_model, take_weights
from octo.ml.numbers import are_lost, are_numbers, first_without_numbers
from octo.ml.rl.rollout import complete
from octo.ml.tensor_files import read_header, write_tensors
from octo.settings.bad_steps import BadStepSettings
from octo.settings.denoising import DenoisingSettings
from octo.settings.midtraining import OptimizerSettings
from tests.unit.ml.diffusion.models import small_model, some_requests
from tests.unit.ml.engine_run import Toy

DOWN, UP = "model.layers.1.mlp.down_proj", "model.layers.1.mlp.up_proj"


def too_large(model: PreTrainedModel) -> None:
    """Weights that are numbers, and make a state that is none."""
    model.get_submodule(DOWN).weight.data.fill_(1e30)
    model.get_submodule(UP).weight.data.mul_(1e20)


def spoilt(model: PreTrainedModel) -> None:
    model.get_submodule(DOWN).weight.data[3, 5] = nan


def too_large_to_be_squared(model: PreTrainedModel) -> None:
    """States that are numbers, of which a norm makes zeros."""
    model.get_submodule("model.embed_tokens").weight.data.mul_(1e30)


SPOIL: dict[str, Callable[[PreTrainedModel], object]] = {
    f"what {DOWN} makes": too_large,
    f"the weight {DOWN}.weight": spoilt,
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16, torch.float8_e4m3fn])
def test_a_tensor_of_any_precision_is_looked_at(dtype: torch.dtype) -> None:
    tensor = torch.linspace(-9, 9, 1001).to(dtype)
    assert are_numbers(tensor)
    for place in (0, 500, 1000):
        wrong = tensor.clone()
        wrong[place] = nan
        assert not are_numbers(wrong)
    if dtype != torch.float8_e4m3fn:
        assert not are_numbers(torch.tensor([1.0, -inf], dtype=dtype))


def test_what_has_no_fraction_or_no_element_is_sound() -> None:
    assert are_numbers(torch.tensor([1, 2]))
    assert are_numbers(torch.empty(0))
    assert first_without_numbers([]) == ""
    assert first_without_numbers([("a", torch.ones(2)), ("b", torch.tensor([inf])), ("c", torch.tensor(nan))]) == "b"


@pytest.mark.parametrize("told", SPOIL)
@pytest.mark.parametrize("drawn", [False, True])
def test_a_causal_model_writes_nothing_without_numbers(model: PreTrainedModel, told: str, *, drawn: bool) -> None:
    SPOIL[told](model)
    draws_BT = np.full((2, 6), 0.5) if drawn else None
    with pytest.raises(InvariantError, match=f"logits of token 1 of 2 completions are no numbers.*{told}"):
        complete(model, [[3, 4, 5], [7]], group_size=1, max_new_tokens=6, ends=[0], temperature=1.0, draws_BT=draws_BT)


@pytest.mark.parametrize("told", SPOIL)
@pytest.mark.parametrize("order", ["origin", "maskgit_plus", "topk_margin", "entropy"])
@pytest.mark.parametrize("filters", [{}, {"top_p": 0.9}, {"top_k": 3}, {"temperature": 1.0, "top_p": 0.9, "top_k": 5}])
def test_a_diffusion_model_writes_nothing_without_numbers(told: str, order: str, filters: dict[str, float]) -> None:
    model = small_model().float()
    SPOIL[told](model)
    settings = DenoisingSettings(order=order, **filters)
    for requests in (some_requests(1), some_requests(3)):
        with pytest.raises(InvariantError, match=f"logits of masked positions are no numbers.*{told}"):
            denoise(model, requests, settings=settings, seed=0)
        with pytest.raises(InvariantError, match=f"logits of masked positions are no numbers.*{told}"):
            denoise_by_drafts(model, requests, settings=settings, seed=0, draft_length=3)


def judge(engine: Engine, result: StepResult, loss: Loss) -> None:
    traced = telemetry.start(service="stable", run_id="run", sink=None)
    BadSteps(engine, BadStepSettings(), traced).num_skipped(Made(0, 0.01, inf, [result], [[loss]], tuple), [])


def test_a_loss_that_is_no_number_names_the_weight_that_is_none() -> None:
    model = Toy()
    engine = Engine(model, settings=OptimizerSettings(), micro_batches=1)
    model.hidden.weight.data[0, 0] = nan

    def loss(module: torch.nn.Module) -> Tensor:
        made: Tensor = module(torch.tensor([1, 2])).sum()
        return made

    with pytest.raises(InvariantError, match=r"loss of step 1 is nan at learning rate 0\.01.*weight hidden\.weight"):
        judge(engine, engine.step([loss], learning_rate=0.01), loss)


@pytest.mark.parametrize(
    ("reduction", "stage", "precision"),
    [
        each
        for each in product(("fixed-order", "plain"), range(4), ("float32", "bfloat16"))
        if each != ("plain", 0, "bfloat16")
    ],
)
def test_a_gradient_that_is_infinite_changes_nothing_though_the_loss_is_a_number(
    reduction: str, stage: int, precision: str
) -> None:
    settings = OptimizerSettings.model_validate({"reduction": reduction, "zero_stage": stage, "precision": precision})
    engine = Engine(Toy(), settings=settings, micro_batches=1)
    before = held(engine)

    def sound(module: torch.nn.Module) -> Tensor:
        made: Tensor = module(torch.tensor([1, 2])).float().square().mean()
        return made

    def loss(module: torch.nn.Module) -> Tensor:
        # The root of nothing is nothing, and infinitely steep.
        return (0 * module(torch.tensor([1, 2])).float().sum()).clamp(min=0).sqrt()

    result = engine.step([loss], learning_rate=0.01)
    assert (result.loss, result.applied) == (0, False)
    assert not isfinite(result.gradient_norm)
    with pytest.raises(InvariantError, match=r"norm of step 1 is no number at learning rate 0\.01.*weight"):
        judge(engine, result, loss)
    assert_same(held(engine), before)
    limited = engine.step([sound], learning_rate=0.01, most_loss=engine.step([sound], learning_rate=0).loss / 2)
    assert not limited.applied
    assert limited.gradient_norm > 0
    assert dict(engine.optimizer_states())["step"] == 1
    assert engine.step([sound], learning_rate=0.01, most_loss=limited.loss).applied
    assert dict(engine.optimizer_states())["step"] == 2


def held(engine: Engine) -> dict[str, Tensor]:
    return {name: each.clone() for name, each in (*engine.weights(), *engine.optimizer_states())}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, each in expected.items():
        assert torch.equal(found[name], each), name


def test_weights_that_are_no_numbers_are_neither_written_nor_read_nor_taken(
    model: PreTrainedModel, tmp_path: Path
) -> None:
    model_parts(model.config, model.state_dict().items(), tmp_path / "sound")
    tensors = dict(model.state_dict())
    name = f"{DOWN}.weight"
    tensors[name] = tensors[name].clone().fill_(-inf)
    with pytest.raises(InvariantError, match=f"{name} is to be written and holds a NaN or an infinity"):
        write_tensors(tensors.items(), tmp_path)
    with pytest.raises(InputError, match=f"{name} holds a NaN or an infinity"):
        take_weights(model, tensors.items())
    spoilt_file(tmp_path / "sound" / "model.safetensors", name)
    with pytest.raises(InputError, match=f"the weights of mine are not all numbers: {name}"):
        read_model(tmp_path / "sound", name="mine")


def spoilt_file(path: Path, name: str) -> None:
    """One number of a stored tensor becomes a NaN."""
    header = read_header(path)
    with path.open("r+b") as file:
        file.seek(header.start + header.entries[name].first + 8)
        file.write(np.array([nan], dtype=np.float32).tobytes())


def test_a_state_that_is_too_large_to_be_squared_is_told_where_a_norm_makes_zeros_of_it(model: PreTrainedModel) -> None:
    too_large_to_be_squared(model)
    with pytest.raises(InvariantError, match=r"are no numbers.*model\.layers\.0\.input_layernorm, zeros of a state"):
        complete(model, [[3, 4, 5], [7]], group_size=1, max_new_tokens=2, ends=[0], temperature=1.0, draws_BT=None)


def test_the_likelihood_of_a_token_whose_state_was_lost_is_no_number(model: PreTrainedModel) -> None:
    asked = Asked(torch.arange(3), torch.arange(3), torch.tensor([4, 5, 6]))
    tokens_BS = torch.tensor([[3, 4, 5, 6]])
    found, _ = model_logprobs(model, asked, input_ids=tokens_BS)
    assert found.isfinite().all()
    too_large_to_be_squared(model)
    lost, _ = model_logprobs(model, asked, input_ids=tokens_BS)
    assert lost.isnan().all()


def test_states_are_lost_where_their_squares_are_infinite_and_all_that_is_left_is_zero() -> None:
    given = torch.tensor([[1e30, -1.0], [0.0, 0.0], [1e30, 2.0], [3.0, 4.0]])
    made = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.5, 0.0], [0.6, 0.8]])
    assert are_lost(given, made).tolist() == [True, False, False, False]
    assert not are_lost(given, made[:2]).any()
