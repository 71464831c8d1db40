"""What a model believes about masked positions: which token, and how surely.

Whatever precision the model has, logits are taken as float32, added up in float64, and confidence is float32 again: in
bfloat16 rows do not add up to one, and in any arithmetic positions that a model is sure of tie, which must not be left
to rounding.

The vocabulary is gone through once, a slab at a time: while a slab's logits are in the processor's cache, they are
added up. They lie with the positions side by side, which is how matrix products and sums are fastest.

Axes: N masked positions, M of them that are drawn for, V vocabulary, S a slab of it, B blocks of it, D width, K tokens
that may be kept.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial

import torch
from torch import Tensor

from octo.ml.diffusion.distributions import BLOCK, LOWEST, distribution, margin, negative_entropy, places
from octo.ml.diffusion.products import MULTIPLE, filled_up
from octo.settings.denoising import DenoisingSettings

LOGITS_BYTES = {"cpu": 1 << 29, "cuda": 1 << 31}
"""Of logits that are held together: on a processor, of 880 positions of DiffuCoder's in float32. Beside them, what
positions are drawn from is looked at a few at a time."""
SLABS = {"cpu": 16 * BLOCK, "cuda": 512 * BLOCK}
"""Tokens of a slab: on a processor its logits stay in the cache of one core."""
TURNED = 32
"""Positions whose logits are laid out one after the other at a time, to be looked at by themselves."""
CACHED_BYTES = 1 << 20
"""By themselves, positions are looked at together as long as they stay within a processor's cache."""
CROWDED = 8
"""Where more than this part of the vocabulary may be kept, positions are looked at by themselves."""
MODEL = DenoisingSettings(temperature=1)
"""The model's own distribution."""


Change = Callable[[Tensor, Tensor], Tensor]
"""From the logits of some positions, of shape M, V, and which of the N they are, to others."""


class Beliefs:
    """The logits of some positions, and what follows from them. Holds no gradient.

    Where all of them together would take more than LOGITS_BYTES, so many are held at a time as take no more, and those
    of the positions that are drawn for are computed once more.
    """

    def __init__(
        self,
        states_ND: Tensor,
        weight_VD: Tensor,
        *,
        settings: DenoisingSettings,
        banned: Sequence[int] = (),
        change: Change | None = None,
    ) -> None:
        """Compute the logits, if they are not too many.

        Args:
            states_ND: of the positions.
            weight_VD: the head's.
            settings: temperature, filters and the order of unmasking.
            banned: ids that are never drawn.
            change: makes other logits of them; it may be asked about a position more than once.
        """
        self._states_ND = states_ND
        self._of = partial(_Logits, weight_VD=weight_VD, settings=settings, banned=sorted(set(banned)))
        self._change = change
        budget = LOGITS_BYTES.get(states_ND.device.type, LOGITS_BYTES["cuda"])
        fitting = budget // (states_ND.element_size() * len(weight_VD)) // MULTIPLE * MULTIPLE
        self._together = max(MULTIPLE, fitting)
        self._sound: list[Tensor] = []
        everything_N = torch.arange(len(states_ND), device=states_ND.device)
        self._held = self._logits(everything_N, judged=True) if len(states_ND) <= self._together else None

    @property
    def sound(self) -> Tensor:
        """Whether all logits so far were numbers, or minus infinity beside numbers; on the device, shape ()."""
        return torch.stack(self._sound).all()

    @cached_property
    def confidences(self) -> Tensor:
        """How sure each position is, by an order that does not ask which token is drawn; float32, shape N."""
        if self._held:
            return self._held.confidences()
        everything_N = torch.arange(len(self._states_ND), device=self._states_ND.device)
        return torch.cat(
            [self._logits(some_M, judged=True).confidences() for some_M in torch.split(everything_N, self._together)]
        )

    def draw(self, rows_M: Tensor, uniforms_M: Tensor | None) -> tuple[Tensor, Tensor]:
        """A token for each of M positions, and its probability, float32; shapes M.

        Args:
            rows_M: which of the N positions.
            uniforms_M: numbers in [0, 1), which decide; None takes the likeliest token, and of equals the lowest id.
        """
        if self._held:
            return self._held.draw(rows_M, uniforms_M)
        drawn = [
            self._logits(rows_M[some_P], judged=False).draw(
                torch.arange(len(some_P), device=rows_M.device), None if uniforms_M is None else uniforms_M[some_P]
            )
            for some_P in torch.split(torch.arange(len(rows_M), device=rows_M.device), self._together)
        ]
        return torch.cat([tokens for tokens, _ in drawn]), torch.cat([probabilities for _, probabilities in drawn])

    def _logits(self, rows_M: Tensor, *, judged: bool) -> "_Logits":
        change = self._change
        logits = self._of(
            self._states_ND[rows_M],
            change=(lambda logits_MV: change(logits_MV, rows_M)) if change else None,
            judged=judged,
        )
        self._sound.append(logits.sound)
        return logits


class _Logits:
    """Those of some positions, held at once."""

    def __init__(
        self,
        states_ND: Tensor,
        weight_VD: Tensor,
        *,
        settings: DenoisingSettings,
        banned: Sequence[int],
        change: Callable[[Tensor], Tensor] | None,
        judged: bool,
    ) -> None:
        """Compute them, and where they are to be judged what that takes, in one go through the vocabulary."""
        self._settings = settings
        self._judged = MODEL if settings.confidence == "model" else settings
        self._num_tokens = len(weight_VD)
        lowest = torch.finfo(states_ND.dtype).min
        whole = -(-self._num_tokens // BLOCK) * BLOCK
        filled_ND = filled_up(states_ND)
        filled_VN = states_ND.new_empty(whole, len(filled_ND))
        self._logits_VN = filled_VN[:, : len(states_ND)]
        # Tokens that are none fill the last block.
        filled_VN[self._num_tokens :] = lowest
        if change:
            self._logits_VN[: self._num_tokens] = change(states_ND @ weight_VD.t()).t()
        tops_N = states_ND.new_full((len(states_ND),), lowest)
        slab = min(whole, SLABS.get(states_ND.device.type, SLABS["cuda"]))
        self._sums = (
            Sums(filled_VN, slab, settings=self._judged) if judged and _summed(settings, self._judged) else None
        )
        for first in range(0, whole, slab):
            logits_SN = filled_VN[first : first + slab]
            tokens = weight_VD[first : first + slab]
            if not change:
                torch.mm(tokens, filled_ND.t(), out=logits_SN[: len(tokens)])
            if here := [token - first for token in banned if first <= token < first + slab]:
                logits_SN[here] = lowest
            # The largest of what holds a NaN is a NaN.
            tops_N = tops_N.maximum(logits_SN[:, : len(states_ND)].amax(dim=0))
            if self._sums:
                self._sums.add(logits_SN, first)
        self.sound = (tops_N.isfinite() & (tops_N > lowest)).all()

    def confidences(self) -> Tensor:
        """See `Beliefs`."""
        by_margin = self._settings.order == "topk_margin"
        nuclei = self._sums.nuclei(self._logits_VN) if self._sums else None
        if nuclei is not None:
            return _sure(nuclei, by_margin=by_margin)
        judge = margin if by_margin else negative_entropy
        positions_N = torch.arange(self._logits_VN.shape[1], device=self._logits_VN.device)
        return torch.cat(
            [judge(distribution(rows_RV, settings=self._judged)) for rows_RV in self._alone(positions_N)]
        ).float()

    def draw(self, rows_M: Tensor, uniforms_M: Tensor | None) -> tuple[Tensor, Tensor]:
        """See `Beliefs`."""
        tokens, probabilities = [], []
        first = 0
        for rows_RV in self._alone(rows_M):
            found = distribution(rows_RV, settings=self._settings)
            uniforms_R = None if uniforms_M is None else uniforms_M[first : first + len(rows_RV)]
            places_R1 = places(found, uniforms_R)[:, None]
            tokens.append((places_R1 if found.ids_RK is None else found.ids_RK.gather(1, places_R1)).squeeze(-1))
            probabilities.append(found.weights_RK.gather(1, places_R1).squeeze(-1).double() / found.totals_R)
            first += len(rows_RV)
        return torch.cat(tokens), torch.cat(probabilities).float()

    def _alone(self, rows_M: Tensor) -> Iterator[Tensor]:
        """The logits of some positions, a few at a time; shapes R, V."""
        on_processor = rows_M.device.type == "cpu"
        together = max(1, CACHED_BYTES // (4 * self._num_tokens) if on_processor else len(rows_M))
        for turned_M in torch.split(rows_M, TURNED if on_processor else max(1, len(rows_M))):
            yield from torch.split(self._logits_VN[: self._num_tokens, turned_M].t().contiguous(), together)


def _summed(settings: DenoisingSettings, judged: DenoisingSettings) -> bool:
    """Whether confidence follows from nuclei of all positions at once."""
    return settings.order in ("entropy", "topk_margin") and judged.top_p < 1 and not judged.top_k


class Sums:
    """What is known of all positions after the vocabulary was gone through once."""

    def __init__(self, logits_VN: Tensor, slab: int, *, settings: DenoisingSettings) -> None:
        tokens, positions = logits_VN.shape
        device = logits_VN.device
        self._rate = 1 / (math.log(2) * (settings.temperature or 1.0))
        self._top_p = settings.top_p
        self._tops_N = torch.full((positions,), torch.finfo(torch.float32).min, device=device)
        self._totals_N = torch.zeros(positions, device=device)
        self._peaks_BN = torch.empty(tokens // BLOCK, positions, device=device)
        self._work_SN = torch.empty(slab, positions, device=device)

    def add(self, logits_SN: Tensor, first: int) -> None:
        """Add a slab, which begins with that token."""
        weights_SN = self._work_SN[: len(logits_SN)].copy_(logits_SN)
        peaks_BN = self._peaks_BN[first // BLOCK :][: len(logits_SN) // BLOCK]
        torch.amax(weights_SN.view(-1, BLOCK, weights_SN.shape[1]), dim=1, out=peaks_BN)
        tops_N = self._tops_N.maximum(peaks_BN.amax(dim=0))
        # Weights are relative to the largest logit, so far.
        self._totals_N *= ((self._tops_N - tops_N) * self._rate).exp2()
        self._tops_N = tops_N
        weights_SN.sub_(tops_N).mul_(self._rate).clamp_(min=LOWEST).exp2_()
        self._totals_N += weights_SN.sum(dim=0)

    def nuclei(self, logits_VN: Tensor) -> Tensor | None:
        """The binary logarithms of the weights that are kept, the largest first; the others are minus infinity.

        Float64, shape N, K; None where too many may be kept.
        """
        tokens, positions = logits_VN.shape
        tops_N, totals_N = self._tops_N[:positions], self._totals_N[:positions]
        # Half of what could be left out at all: room for rounding.
        least_N = (totals_N * ((1 - self._top_p) / (2 * tokens))).log2()
        hits_NB = ((self._peaks_BN[:, :positions] - tops_N) * self._rate >= least_N).t().contiguous()
        rows_P, blocks_P = hits_NB.nonzero(as_tuple=True)
        if len(rows_P) * BLOCK > tokens * positions // CROWDED:
            return None
        counts_N = hits_NB.sum(dim=1)
        starts_N = counts_N.cumsum(dim=0) - counts_N
        slots_P = torch.arange(len(rows_P), device=rows_P.device) - starts_N.repeat_interleave(counts_N)
        logits_NSB = tops_N.new_full((positions, max(1, int(counts_N.max())), BLOCK), -torch.inf)
        logits_NSB[rows_P, slots_P] = logits_VN.view(-1, BLOCK, positions)[blocks_P, :, rows_P].float()
        scaled_NK = (logits_NSB.flatten(1) - tops_N[:, None]) * self._rate
        # One, where none is a number: whoever looks at `sound` says so.
        num_candidates = max(1, int((scaled_NK >= least_N[:, None]).sum(dim=1).max()))
        scaled_NK = scaled_NK.topk(num_candidates).values.double()
        weights_NK = scaled_NK.exp2()
        before_NK = weights_NK.cumsum(dim=1) - weights_NK
        kept_NK = before_NK <= self._top_p * totals_N.double()[:, None]
        return scaled_NK.where(kept_NK, -torch.inf)


def _sure(scaled_NK: Tensor, *, by_margin: bool) -> Tensor:
    weights_NK = scaled_NK.exp2()
    totals_N = weights_NK.sum(dim=1)
    if by_margin:
        return ((weights_NK[:, 0] - weights_NK[:, 1:2].sum(dim=1)) / totals_N).float()
    mean_N = (weights_NK * scaled_NK.clamp(min=LOWEST)).sum(dim=1) / totals_N
    return (math.log(2) * mean_N - totals_N.log()).float()
