"""Whether completions were sampled by the policy that is trained: their log-probabilities against the learner's own.

Two ways to compute the same differ by rounding, and by how much follows from the model and its precision. The learner
finds that out by itself: it scores some completions once more while what each module gives is off by rounding, at
random, as another order of the same sums, other kernels or another device would have it. Of models of 0.1 to 10 million
weights that noise is 0.4 to 3 millionths of a nat a token in float32, of which octo's sampler is 0.4 to 0.9 times away,
and 0.4 to 70 thousandths in bfloat16, of which it is 0.25 to 0.5 times away; a temperature of 0.9 for 1 is 10 to 140
thousandths away, whatever the precision.

What it finds stays on the learner's device: a loss of completions that are not let in is no number, so that nothing is
learnt from them, and who looks at the step's figures is told why (`Gate.objection`).

Axes: C completions of a micro-batch, T tokens of a completion.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from octo.ml.devices import brought
from octo.ml.late import Late
from octo.ml.rl.logprobs import completion_batch, completion_logprobs
from octo.settings.rl import RlSettings

MARGIN = 3.0
"""So many times the noise is let in."""
ONE_IN = 32
"""Of so many completions one is scored twice: a hundredth of a step's work, as learning costs three forward passes."""
OFF = 1 / 12
"""Share of numbers that are off by a unit in the last place: rounding is off by at most half of one, evenly, and a
twelfth of a unit in the mean square."""
_HOST = torch.device("cpu")
SEED = 0
"""Of which."""
LOGITS = 32.0
"""A log-probability is a logit less a logarithm of a sum, both as large as logits are, however small it is itself: what
a model is sure of is still off by what rounding does to numbers of this size. Of its size they hardly ever are."""


@dataclass
class Gate:
    """What is known of the noise in one step, and who is let in."""

    settings: RlSettings
    num_micro_batches: int = 0
    """So far, of this rank: all ranks score as often, as weights that are shared out are gathered by all."""
    noise: Tensor | float = 0.0
    """Sum over `num_tokens` tokens of how much rounding changes their log-probabilities."""
    num_tokens: int = 0
    _found: list[Tensor] = field(default_factory=list, repr=False)
    _late: Late | None = field(default=None, repr=False)

    @property
    def bound(self) -> Tensor | float:
        """The largest mean difference that is let in."""
        return self.settings.rollout.largest_gap or self.noise * (MARGIN / max(1, self.num_tokens))

    def admit(
        self,
        model: torch.nn.Module,
        written: Sequence[tuple[Sequence[int], Sequence[int]]],
        logprobs_CT: Tensor,
        gaps_CT: Tensor,
        mask_CT: Tensor,
    ) -> Tensor:
        """0 where a micro-batch is let in, no number where it is not: what is to be added to its loss; shape ().

        Args:
            model: the policy.
            written: by completion its prompt and its tokens.
            logprobs_CT: as the learner computes them.
            gaps_CT: how far they are from those that came with the completions.
            mask_CT: where there are tokens.
        """
        if not self.settings.rollout.largest_gap:
            self._measure(model, written, logprobs_CT)
        gap = ((gaps_CT * mask_CT).sum() / mask_CT.sum()).double()
        found_2 = torch.stack((gap, torch.zeros_like(gap) + self.bound))
        self._found.append(found_2)
        return torch.zeros_like(gap).masked_fill(~(found_2[0] <= found_2[1]), torch.nan).to(logprobs_CT.dtype)

    def send(self) -> None:
        """Bring what was found, once all micro-batches of the step are through."""
        self._late = Late(torch.stack(self._found)) if self._found else None

    def objection(self) -> str:
        """Why some micro-batch was not let in, which comes from other weights or another temperature; or nothing."""
        for gap, bound in self._late.read.tolist() if self._late else []:
            if not gap <= bound:
                return (
                    f"completions were sampled by another policy than the one that is trained: their log-probabilities "
                    f"differ by {gap:.3g} on average, over {bound:.3g}, {self._reason()}"
                )
        return ""

    def _reason(self) -> str:
        if self.settings.rollout.largest_gap:
            return "which is --rollout.largest-gap"
        return (
            f"{MARGIN:g} times what rounding in {self.settings.optimizer.precision} does to them here; where they are "
            "computed less precisely, say with --rollout.largest-gap by how much they may differ"
        )

    @torch.no_grad()
    def _measure(
        self, model: torch.nn.Module, written: Sequence[tuple[Sequence[int], Sequence[int]]], logprobs_CT: Tensor
    ) -> None:
        number, self.num_micro_batches = self.num_micro_batches, self.num_micro_batches + 1
        if number % max(1, ONE_IN // len(written)):
            return
        # The last are the longest.
        rows = list(range(len(written) - 1, -1, -ONE_IN))
        batch = completion_batch([written[row][0] for row in rows], [written[row][1] for row in rows], device=_HOST)
        mask_CT = brought(batch.mask_CT, logprobs_CT.device)
        with rounded(model, number):
            found_CT, _ = completion_logprobs(model, batch, temperature=self.settings.temperature)
        scored_CT = logprobs_CT.index_select(0, brought(torch.tensor(rows), logprobs_CT.device))
        gaps_CT = (found_CT - scored_CT[:, : found_CT.shape[1]]).abs() * mask_CT
        # Of float32, whatever the model computes in.
        rounding_CT = torch.finfo(torch.float32).eps / 2 * (LOGITS + found_CT.abs()) * mask_CT
        self.noise = self.noise + (gaps_CT + rounding_CT).sum().double()
        self.num_tokens += sum(len(written[row][1]) for row in rows)


@contextmanager
def rounded(model: torch.nn.Module, number: int = 0) -> Iterator[None]:
    """Have every module of a model give what it gives but for rounding, whose mean square is that of real rounding.

    The head is left as it is: see octo.ml.heads.
    """
    root: Any = getattr(model, "module", model)
    head = root.get_output_embeddings()
    generator: torch.Generator | None = None

    def off(made: Tensor) -> Tensor:
        nonlocal generator
        if not made.is_floating_point():
            return made
        if generator is None:
            generator = torch.Generator(made.device).manual_seed(SEED + number)
        drawn = torch.rand(made.shape, generator=generator, device=made.device)
        signs = (drawn < OFF / 2).to(made.dtype) - (drawn > 1 - OFF / 2).to(made.dtype)
        # Three quarters are rounded to one unit in the last place, whatever the number.
        return made + made * signs * (0.75 * torch.finfo(made.dtype).eps)

    def after(_module: torch.nn.Module, _given: object, made: object) -> object:
        return off(made) if isinstance(made, Tensor) else None

    leaves = [each for each in root.modules() if each is not head and not any(True for _ in each.children())]
    handles = [each.register_forward_hook(after) for each in leaves]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
