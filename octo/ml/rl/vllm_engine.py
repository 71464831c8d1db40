"""vLLM in a worker: for models that octo's own sampler is too slow for.

What vLLM computes depends in its last bits on which requests it runs side by side, so its completions are reproduced
closely and not exactly; the learner's check of the log-probabilities says how closely (`logprob_gap` of the metrics).
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from octo.data.tokenizer import read_tokenizer
from octo.errors import InvariantError, UsageError
from octo.ml.lengths import check_room
from octo.ml.models import fetch_model
from octo.ml.placement import check_place
from octo.ml.rl.rollout import Completions, stopped
from octo.ml.rl.sampling import Chunk
from octo.ml.stops import Stops
from octo.model_files import WEIGHTS, WEIGHTS_INDEX
from octo.randomness import generator
from octo.settings.rl import RlSettings
from octo.storage.artifacts import Artifact

try:
    from vllm import LLM, SamplingParams  # type: ignore[import-not-found]  # on GPUs alone, in an image of its own
    from vllm.platforms import current_platform  # type: ignore[import-not-found]
except ModuleNotFoundError as error:
    raise UsageError(
        f"--rollout.engine=vllm needs the package {error.name}: install octo with the extra rollout"
    ) from error


class VllmEngine:
    """vLLM's offline engine on the model that the learner started from, and then whatever weights it is given."""

    def __init__(self, start: Artifact, settings: RlSettings, scratch: Path) -> None:
        check_place(settings, computes_on="processor" if current_platform.is_cpu() else "accelerator")
        self._folder = scratch / "model"
        self._folder.mkdir()
        fetch_model(start, self._folder)
        self._shapes = {
            name: shape for path in self._folder.glob("*.safetensors") for name, shape in _shapes(path).items()
        }
        self._stops = Stops(read_tokenizer(start), settings.stops) if settings.stops else None
        self._llm = LLM(
            model=str(self._folder),
            skip_tokenizer_init=True,
            tensor_parallel_size=settings.rollout.tensor_parallel,
            dtype=settings.optimizer.precision,
            seed=settings.seed,
            # What the learner compares with: after the temperature, not before.
            logprobs_mode="processed_logprobs",
            generation_config="vllm",
        )

    def load(self, weights: Path) -> None:
        """Take the weights of a safetensors file; UsageError when they are not of this model."""
        # vLLM itself takes any, and says in its log what was missing.
        if _shapes(weights) != self._shapes:
            raise UsageError("these weights are not of this worker's model: their names or shapes are others")
        for path in (*self._folder.glob("*.safetensors"), *self._folder.glob(WEIGHTS_INDEX)):
            path.unlink()
        weights.replace(self._folder / WEIGHTS)
        self._llm.collective_rpc("reload_weights", kwargs={"weights_path": str(self._folder)})
        # Keys and values of shared prompts were computed with the weights before.
        self._llm.reset_prefix_cache()

    def complete(self, chunk: Chunk) -> Completions:
        """The chunk's completions under the weights that were loaded last, each from a seed of its own."""
        seeds = [
            generator(chunk.seed, "rollout", chunk.step, chunk.first + place).integers(2**31, size=chunk.group_size)
            for place in range(len(chunk.prompts))
        ]
        completions = self.generate(
            [prompt for prompt in chunk.prompts for _ in range(chunk.group_size)],
            [int(seed) for of_prompt in seeds for seed in of_prompt],
            ends=chunk.ends,
            max_new_tokens=chunk.max_new_tokens,
            temperature=chunk.temperature,
        )
        return stopped(completions, self._stops) if self._stops else completions

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        seeds: Sequence[int],
        *,
        ends: Sequence[int],
        max_new_tokens: int,
        temperature: float,
    ) -> Completions:
        """A completion of each prompt, from its own seed; at temperature 0 the likeliest.

        Raises:
            UsageError: a prompt does not fit with its completion: vLLM ends every text at the model's last position.
        """
        check_room(self._llm.model_config.max_model_len, [len(prompt) for prompt in prompts], max_new_tokens)
        requests: list[Any] = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        parameters = [
            _parameters(seed, ends=ends, max_new_tokens=max_new_tokens, temperature=temperature) for seed in seeds
        ]
        outputs = [output.outputs[0] for output in self._llm.generate(requests, parameters, use_tqdm=False)]
        tokens = [list(output.token_ids) for output in outputs]
        logprobs = [
            [choices[token].logprob for token, choices in zip(output.token_ids, output.logprobs, strict=True)]
            for output in outputs
        ]
        if not all(math.isfinite(each) for row in logprobs for each in row):
            raise InvariantError(
                "vLLM gives tokens log-probabilities that are no numbers: take --engine torch to be "
                "told the first tensor that holds none"
            )
        return Completions(
            tokens=tokens,
            logprobs=logprobs,
            finished=[row[-1] in ends for row in tokens],
        )


def _parameters(seed: int, *, ends: Sequence[int], max_new_tokens: int, temperature: float) -> SamplingParams:
    return SamplingParams(
        temperature=temperature,
        max_tokens=max_new_tokens,
        stop_token_ids=list(ends),
        # Whatever the model's configuration says ends a text: the learner says what does.
        ignore_eos=True,
        logprobs=0,
        detokenize=False,
        seed=seed,
    )


def _shapes(path: Path) -> dict[str, list[int]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except SafetensorError as error:
        raise UsageError(f"these weights are no safetensors file: {error}") from error
