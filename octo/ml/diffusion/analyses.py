"""What decoding by diffusion was like: AR-ness, orders, the entropy sink (DiffuCoder, section 4), as data.

All figures over completions are sums, so that those of a decoding's shards can be added up; a report divides.

Axes: N masked positions, R of them that are looked at together, V vocabulary.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from octo.ml.diffusion.ar_ness import Rules, global_ar_ness, global_chance, local_ar_ness
from octo.ml.diffusion.canvases import Canvases, Request, most_steps
from octo.ml.diffusion.decisions import Decision
from octo.ml.diffusion.denoiser import Kind, kind_of
from octo.ml.diffusion.sampler import Hooks, denoise
from octo.settings.denoising import DenoisingSettings

LOCAL_KS, GLOBAL_KS = range(1, 10), range(1, 5)
"""The k of the paper's figures."""
RULES = tuple(Rules(variant=variant, history="left out", counted="text") for variant in ("ordered", "set"))
"""AR-ness is told by both variants. Positions after the end count in neither: decoding may leave them masked."""
MOST_BINS = 32
"""Of an order map, along each side."""
MOST_STEPS = 64
"""Of an entropy picture; of more, so many are shown, as far apart as can be."""
TOGETHER = 16
"""Positions whose logits are turned into probabilities at a time: in float32, those of a whole completion are large."""


@dataclass(frozen=True)
class Sums:
    """What a mean and a deviation follow from."""

    count: int
    total: float
    squares: float


@dataclass(frozen=True)
class ArNessSums:
    """AR-ness@k of completions, by one set of rules."""

    rules: Rules
    local_by_k: dict[int, Sums]
    """Where history is left out, completions of k positions and fewer do not count."""
    global_by_k: dict[int, Sums]
    global_by_chance: Sums
    """At k = 1, of the same positions in the mean of all their orders."""
    global_beyond_chance: Sums
    """At k = 1, what a completion has more than that."""


@dataclass(frozen=True)
class OrderMap:
    """When positions were unmasked."""

    length: int
    num_steps: int
    steps_by_position: list[Sums]
    """Over the completions whose text reaches the position."""
    num_by_bins: list[list[int]]
    """How many positions, in bins of denoising steps, and within them bins of positions, both from the first."""


@dataclass(frozen=True)
class EntropySink:
    """What a model believes about each position of a completion while all of it is masked."""

    probabilities_by_position: list[Sums]
    """Of the likeliest token."""
    entropies_by_position: list[Sums]
    """In nats."""
    first_over_rest: Sums
    """How much likelier the likeliest token is at the first position than in the mean of the others, by prompt."""


@dataclass(frozen=True)
class EntropyPicture:
    """The decoding of one completion, as the entropies of what was masked."""

    prompt_id: str
    num_steps: int
    shown_steps: list[int]
    entropies: list[list[float | None]]
    """In nats, by shown step, before it, and position; None where nothing was asked about it any more, or yet."""
    steps: list[int]
    """By position, the denoising step that unmasked it; -1 for none."""


@dataclass(frozen=True)
class Analyses:
    """All that a decoding job keeps beside the completions of a shard."""

    decoding: str
    """exact, or approximate."""
    ar_ness: list[ArNessSums]
    order_map: OrderMap
    entropy_sink: EntropySink
    entropy_picture: EntropyPicture | None
    """Of the first prompt's first completion, in the first shard."""


def ar_ness_sums(orders: Sequence[Sequence[int]], *, rules: Rules) -> ArNessSums:
    """Local AR-ness@1 to 9 and global AR-ness@1 to 4 of orders; those of no position are left out."""
    told = [order for order in orders if len(order)]
    return ArNessSums(
        rules=rules,
        local_by_k={k: summed(local_ar_ness(order, k, rules=rules) for order in told) for k in LOCAL_KS},
        global_by_k={k: summed(global_ar_ness(order, k) for order in told) for k in GLOBAL_KS},
        global_by_chance=summed(global_chance(len(order), 1) for order in told),
        global_beyond_chance=summed(global_ar_ness(order, 1) - global_chance(len(order), 1) for order in told),
    )


def order_map(steps: Sequence[Sequence[int]], *, length: int, settings: DenoisingSettings, kind: Kind) -> OrderMap:
    """When positions were unmasked.

    Args:
        steps: of each completion, the denoising step by position; -1 for none.
        length: of a completion before it is cut at its end.
        settings: what they were decoded with.
        kind: of the model.
    """
    num_steps = most_steps(length, settings, kind)
    rows, columns = min(MOST_BINS, num_steps), min(MOST_BINS, length)
    num_by_bins = [[0] * columns for _ in range(rows)]
    for of_completion in steps:
        for position, step in enumerate(of_completion):
            if step >= 0:
                num_by_bins[step * rows // num_steps][position * columns // length] += 1
    return OrderMap(length, num_steps, _by_position(steps, length), num_by_bins)


def entropy_sink(model: PreTrainedModel, requests: Sequence[Request], *, banned: Sequence[int] = ()) -> EntropySink:
    """The model's beliefs in one forward pass for each prompt, over completions of nothing but masks.

    A model of blocks is asked about each of them once, all of it masked, after what it takes for those before.

    They are the model's own: at temperature 1, without filters, whatever decoding has.

    Args:
        model: a diffusion model in evaluation mode.
        requests: prompts and lengths.
        banned: ids that are never drawn.
    """
    entropies, probabilities = [], []
    for request in requests:
        looked = _Look(banned=(*banned, kind_of(model.config).mask_id))
        # One prompt at a time: the logits of a whole completion are much larger than the model's states.
        denoise(model, [request], settings=DenoisingSettings(num_steps=1), seed=0, hooks=Hooks(logits=looked.look))
        entropies.append(looked.entropies)
        probabilities.append(looked.probabilities)
    length = max(request.length for request in requests)
    over_rest = (own[0] - math.fsum(own[1:]) / len(own[1:]) for own in probabilities if len(own) > 1)
    return EntropySink(_by_position(probabilities, length), _by_position(entropies, length), summed(over_rest))


def entropy_picture(
    model: PreTrainedModel,
    request: Request,
    *,
    prompt_id: str,
    settings: DenoisingSettings,
    seed: int,
    ends: Sequence[int] = (),
    banned: Sequence[int] = (),
) -> EntropyPicture:
    """Decode a prompt once more, looking on.

    Entropies are of the model's own beliefs, at the positions that decoding asks about: all masked ones of the block;
    with order `origin`, those that chance has chosen.

    Args:
        model: a diffusion model in evaluation mode.
        request: the prompt, the length and the key.
        prompt_id: to be told by.
        settings: the order, the steps, and how tokens are drawn.
        seed: of the decoding.
        ends: ids of which any ends a completion.
        banned: ids that are never drawn.
    """
    num_steps = most_steps(request.length, settings, kind_of(model.config))
    looked = _Look(banned=(*banned, kind_of(model.config).mask_id))
    seen: dict[int, list[float | None]] = {}

    def keep(step: int, _canvases: Canvases, _decision: Decision) -> None:
        seen[step] = [looked.found.get(position) for position in range(request.length)]
        looked.clear()

    hooks = Hooks(logits=looked.look, decided=keep)
    [completed] = denoise(model, [request], settings=settings, seed=seed, ends=ends, banned=banned, hooks=hooks)
    taken = sorted(seen)
    shown = taken if len(taken) <= MOST_STEPS else [taken[row * len(taken) // MOST_STEPS] for row in range(MOST_STEPS)]
    return EntropyPicture(prompt_id, num_steps, shown, [seen[step] for step in shown], completed.steps)


def summed(values: Iterable[float]) -> Sums:
    """The sums of values that are numbers."""
    numbers = [value for value in values if not math.isnan(value)]
    return Sums(len(numbers), math.fsum(numbers), math.fsum(value * value for value in numbers))


class _Look:
    """What a hook sees of the logits of one prompt."""

    def __init__(self, *, banned: Sequence[int]) -> None:
        self._banned = list(banned)
        self.found: dict[int, float] = {}
        """Entropies by position."""
        self._probabilities: dict[int, float] = {}

    @property
    def entropies(self) -> list[float]:
        return [self.found[position] for position in sorted(self.found)]

    @property
    def probabilities(self) -> list[float]:
        return [self._probabilities[position] for position in sorted(self._probabilities)]

    def clear(self) -> None:
        self.found.clear()

    def look(self, logits_NV: Tensor, rows_N: Tensor, columns_N: Tensor) -> Tensor:  # noqa: ARG002 - there is one row
        for some_RV, columns_R in zip(torch.split(logits_NV, TOGETHER), torch.split(columns_N, TOGETHER), strict=True):
            # A copy: what is decided must not depend on who looks on.
            logits_RV = some_RV.to(torch.float32, copy=True)
            logits_RV[:, self._banned] = -torch.inf
            logprobs_RV = logits_RV.log_softmax(dim=-1)
            # What cannot be drawn adds nothing, and not 0 times infinity.
            entropies_R = torch.special.entr(logprobs_RV.exp()).sum(dim=-1)
            for column, entropy, top in zip(
                columns_R.tolist(), entropies_R.tolist(), logprobs_RV.amax(dim=-1).exp().tolist(), strict=True
            ):
                self.found[column] = _rounded(entropy)
                self._probabilities[column] = _rounded(top)
        return logits_NV


def _by_position(numbers: Sequence[Sequence[float]], length: int) -> list[Sums]:
    """Sums over rows that may be shorter; a negative number stands for none."""
    return [
        summed(each[position] for each in numbers if position < len(each) and each[position] >= 0)
        for position in range(length)
    ]


def _rounded(number: float) -> float:
    """To six digits: what is left of the last bits differs between processors."""
    return float(f"{number:.6g}")
