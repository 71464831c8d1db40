"""Decoding several denoising steps with one forward pass, and the same tokens (lossless draft and verify).

A model's beliefs about all masks are a guess at what the next steps will do. The canvases that would come of it are
read together, in one batched forward pass; each says what its step really does. As long as that is what was guessed,
the next canvas is the true one, and so is what it says. Random numbers are keyed by the step, so a draw is no guess.

Axes: B completions, L positions of a completion, N masked positions, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor
from transformers import PreTrainedModel

from octo.errors import UsageError
from octo.ml.diffusion.beliefs import Beliefs
from octo.ml.diffusion.caches import Passes
from octo.ml.diffusion.canvases import Canvases, Request, Turn, blank, blocks_of, joined, plan
from octo.ml.diffusion.decisions import Believe, decide, open_positions
from octo.ml.diffusion.denoiser import Kind, kind_of
from octo.ml.diffusion.sampler import Completed, Reading, completed, draws, undecided
from octo.ml.lengths import check_lengths
from octo.ml.numbers import with_numbers
from octo.settings.denoising import DenoisingSettings


@dataclass
class Progress:
    """Where a completion stands."""

    request: Request
    ahead: list[tuple[int, Turn]]
    """The steps that are left, by number."""
    guesses: list[Canvases] = field(default_factory=list)
    """What the canvas is guessed to be after the first of them, the second, and so on; of one row each."""
    horizon: int = 0
    """How many of them may be guessed, from what was read last."""
    num_forward_passes: int = 0


@torch.no_grad()
def denoise_by_drafts(
    model: PreTrainedModel,
    requests: Sequence[Request],
    *,
    settings: DenoisingSettings,
    seed: int,
    draft_length: int,
    ends: Sequence[int] = (),
    banned: Sequence[int] = (),
) -> list[Completed]:
    """Complete every prompt as `sampler.denoise` does, with up to `draft_length` more steps in each forward pass.

    Raises:
        UsageError: the settings are approximate, so that there is nothing that drafts could be verified by.
        InvariantError: something that the model makes is no number.
    """
    if settings.exactness != "exact":
        raise UsageError(
            f"drafts are verified by exact denoising, got cache={settings.cache} and confidence_threshold="
            f"{settings.confidence_threshold}: leave out the drafts, or these"
        )
    work = partial(
        _denoise, model, requests, settings=settings, seed=seed, draft_length=draft_length, ends=ends, banned=banned
    )
    return with_numbers(model, work)


def _denoise(
    model: PreTrainedModel,
    requests: Sequence[Request],
    *,
    settings: DenoisingSettings,
    seed: int,
    draft_length: int,
    ends: Sequence[int],
    banned: Sequence[int],
) -> list[Completed]:
    kind = kind_of(model.config)
    # A model without a shift predicts the first token of a completion of nothing from its own mask.
    sizes = [(each.prompt or [kind.pad_id], each.length) for each in requests]
    check_lengths(model.config, *zip(*sizes, strict=True))
    canvases = blank(requests, kind, device=next(model.parameters()).device)
    passes = Passes(model, canvases, kind=kind, settings=settings)
    progress = [
        Progress(request, list(plan(request.length, settings, blocks_of(request, kind, settings)).items()))
        for request in requests
    ]
    sound = torch.ones((), dtype=torch.bool, device=canvases.tokens_BS.device)
    while rows := [row for row in undecided(canvases, ends, sound) if progress[row].ahead]:
        chains = [
            [canvases.rows(_index([row], canvases)), *progress[row].guesses[: len(progress[row].ahead) - 1]]
            for row in rows
        ]
        read = joined([canvas for chain in chains for canvas in chain])
        origins = [row for row, chain in zip(rows, chains, strict=True) for _ in chain]
        asked = [
            (progress[row], step, turn)
            for row, chain in zip(rows, chains, strict=True)
            for step, turn in progress[row].ahead[: len(chain)]
        ]
        # What is in later blocks is not to be known before the earlier ones, where the model has its own.
        asked_BL = (
            open_positions(read.masked_BL, [turn for _, _, turn in asked]) if kind.block_length else read.masked_BL
        )
        reading = Reading(passes, read, origins, banned=(*banned, kind.mask_id), asked_BL=asked_BL)
        decided = _after(read, asked, reading.believe, settings=settings, seed=seed)
        first = 0
        last_B = []
        for row, chain in zip(rows, chains, strict=True):
            outcomes = [decided.rows(_index([first + place], read)) for place in range(len(chain))]
            num_true = _num_true(chain, outcomes, ends, sound)
            progress[row].horizon = _horizon(progress[row].ahead, num_true, kind)
            canvases = canvases.with_rows(_index([row], canvases), outcomes[num_true - 1])
            progress[row].ahead = progress[row].ahead[num_true:]
            last_B.append(first + num_true - 1)
            first += len(chain)
        _guess(
            canvases.rows(_index(rows, canvases)),
            [progress[row] for row in rows],
            Memory(reading, asked_BL, _index(last_B, read)),
            settings=settings,
            seed=seed,
            draft_length=draft_length,
        )
        for row, asked_C in zip(rows, torch.split(reading.asked_B, list(map(len, chains))), strict=True):
            progress[row].num_forward_passes += bool(asked_C.any())
        sound &= reading.sound
    undecided(canvases, ends, sound)
    return [
        completed(canvases, row, each.request.length, num_forward_passes=each.num_forward_passes)
        for row, each in enumerate(progress)
    ]


class Memory:
    """The beliefs of a forward pass about the masks that some of its canvases had, to guess from again and again."""

    def __init__(self, reading: Reading, asked_BL: Tensor, last_B: Tensor) -> None:
        where_N = asked_BL[last_B].nonzero(as_tuple=True)
        self._beliefs, held_N = reading.believe(last_B[where_N[0]], where_N[1])
        self._held_BL = torch.full_like(asked_BL[last_B], -1, dtype=torch.long)
        self._held_BL[where_N] = held_N

    def believe(self, rows_N: Tensor, columns_N: Tensor) -> tuple[Beliefs, Tensor]:
        """What was believed about N positions."""
        return self._beliefs, self._held_BL[rows_N, columns_N]


def _guess(
    canvases: Canvases,
    progress: Sequence[Progress],
    memory: Memory,
    *,
    settings: DenoisingSettings,
    seed: int,
    draft_length: int,
) -> None:
    """Go on from the canvases for some steps, as if nothing that is revealed changed a belief."""
    for each in progress:
        each.guesses = []
    for place in range(draft_length):
        rows = [row for row, each in enumerate(progress) if place < each.horizon]
        if not rows:
            return
        asked = [(progress[row], *progress[row].ahead[place]) for row in rows]
        chosen_B = _index(rows, canvases)

        def believe(rows_N: Tensor, columns_N: Tensor, chosen_B: Tensor = chosen_B) -> tuple[Beliefs, Tensor]:
            return memory.believe(chosen_B[rows_N], columns_N)

        part = _after(canvases.rows(chosen_B), asked, believe, settings=settings, seed=seed)
        canvases = canvases.with_rows(chosen_B, part)
        for number, row in enumerate(rows):
            progress[row].guesses.append(part.rows(_index([number], part)))


def _after(
    canvases: Canvases,
    asked: Sequence[tuple[Progress, int, Turn]],
    believe: Believe,
    *,
    settings: DenoisingSettings,
    seed: int,
) -> Canvases:
    """What one step makes of each canvas."""
    decision = decide(
        believe,
        canvases.masked_BL,
        [turn for _, _, turn in asked],
        draws(seed, [(each.request, step) for each, step, _ in asked], like=canvases.masked_BL),
        settings=settings,
    )
    return canvases.unmasked(decision.tokens_BL, decision.places_BL, [step for _, step, _ in asked])


def _horizon(ahead: Sequence[tuple[int, Turn]], num_true: int, kind: Kind) -> int:
    """How many steps may be guessed after so many: of a model of blocks, those of the block that was read.

    A guess is what the step after it is to be read with, and that must be of the same block.
    """
    left = ahead[num_true:]
    if not kind.block_length:
        return len(left)
    return max(0, sum(turn.first == ahead[0][1].first for _, turn in left) - 1)


def _num_true(chain: Sequence[Canvases], outcomes: Sequence[Canvases], ends: Sequence[int], sound: Tensor) -> int:
    """How many outcomes are what steps one after the other would have come to: the first, and those of true guesses."""
    num_true = 1
    while num_true < len(chain) and _same(outcomes[num_true - 1], chain[num_true]):
        if not undecided(outcomes[num_true - 1], ends, sound):
            break
        num_true += 1
    return num_true


def _same(true: Canvases, guess: Canvases) -> bool:
    # The order counts too: it is part of what is returned.
    return torch.equal(true.tokens_BS, guess.tokens_BS) and torch.equal(true.places_BL, guess.places_BL)


def _index(rows: Sequence[int], like: Canvases) -> Tensor:
    return torch.tensor(rows, device=like.tokens_BS.device)
