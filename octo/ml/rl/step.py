"""A step of reinforcement learning before its update: questions, completions, rewards.

Axes: P prompts of a step, G completions of each.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from octo.data.questions import Question
from octo.ml.chat import Prompter
from octo.ml.rl.grpo import groups_without_variance
from octo.ml.rl.rewards import Rewarder
from octo.ml.rl.rollout import Completions
from octo.ml.scoring import Attempt
from octo.randomness import permutation
from octo.settings.rl import RlSettings

KEPT_PER_STEP = 4


@dataclass(frozen=True)
class Rollout:
    """The completions of one step, in groups of `group_size` after each other, and their rewards, one at least."""

    questions: list[Question]
    prompts: list[list[int]]
    completions: Completions
    texts: list[str]
    rewards_PG: torch.Tensor
    """NaN where no verdict could be reached."""
    weights: str
    """Digest of the weights that made all of them."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """What the rewards are made of."""

    @property
    def judged_C(self) -> torch.Tensor:  # noqa: N802 - axes in names
        """Which completions have a verdict: the others count in nothing that is learnt or told."""
        return ~self.rewards_PG.flatten().isnan()

    @property
    def num_tokens(self) -> int:
        """Tokens of the completions that have a verdict: what a mean over tokens is over."""
        return sum(len(self.completions.tokens[row]) for row in self.judged_rows)

    @property
    def judged_rows(self) -> list[int]:
        """The places of the completions that have a verdict."""
        return [row for row, judged in enumerate(self.judged_C.tolist()) if judged]

    def described(self) -> dict[str, float]:
        """Figures of the completions that have a verdict; the order is that in which they are shown."""
        rows = self.judged_rows
        groups_P = ~self.rewards_PG.isnan().all(dim=-1)
        return {
            "reward": self.rewards_PG.nanmean().item(),
            "response_length": self.num_tokens / len(rows),
            "truncated": 1 - sum(self.completions.finished[row] for row in rows) / len(rows),
            "zero_variance_groups": groups_without_variance(self.rewards_PG)[groups_P].float().mean().item(),
        }

    def kept(self, step: int) -> list[dict[str, object]]:
        """A few of them, for people to read."""
        firsts_P = self.rewards_PG[:, 0]
        return [
            {
                "step": step,
                "prompt": self.questions[group].text,
                "completion": self.texts[group * self.rewards_PG.shape[1]],
                # JSON has no NaN.
                "reward": None if firsts_P[group].isnan() else firsts_P[group].item(),
                "weights": self.weights,
            }
            for group in range(min(KEPT_PER_STEP, len(self.questions)))
        ]


def roll_out(
    complete: Callable[[list[list[int]]], Completions],
    asks: Prompter,
    questions: list[Question],
    *,
    group_size: int,
    reward: Rewarder,
    read: Callable[[list[int]], str],
    weights: str,
) -> Rollout:
    """Have `group_size` completions of each question sampled, and reward them.

    Args:
        complete: from prompts to the completions of each after each other.
        asks: how the policy reads a question.
        questions: of the step.
        group_size: completions of each.
        reward: what they are worth.
        read: what is read of a completion's tokens.
        weights: digest of the weights that they are sampled with.
    """
    prompts = [asks.prompt(question.text) for question in questions]
    completions = complete(prompts)
    texts = [read(tokens) for tokens in completions.tokens]
    rewards = reward(
        [
            Attempt(questions[row // group_size], text, finished)
            for row, (text, finished) in enumerate(zip(texts, completions.finished, strict=True))
        ]
    )
    return Rollout(
        questions=questions,
        prompts=[prompt for prompt in prompts for _ in range(group_size)],
        completions=completions,
        texts=texts,
        rewards_PG=rewards.rewards_C.view(len(prompts), group_size),
        weights=weights,
        figures=rewards.figures,
    )


def all_asked(questions: Sequence[Question], settings: RlSettings) -> list[Question]:
    """The questions that a training asks, each once."""
    order = permutation([question.id for question in questions], settings.seed, "prompts", 0)
    return [questions[place] for place in order[: settings.num_steps * settings.prompts_per_step]]


def questions_of(questions: Sequence[Question], settings: RlSettings, step: int) -> list[Question]:
    """The questions of a step: every epoch goes through all of them in an order of its own."""
    first = step * settings.prompts_per_step
    ids = [question.id for question in questions]
    epochs = range(first // len(ids), (first + settings.prompts_per_step - 1) // len(ids) + 1)
    orders = {epoch: permutation(ids, settings.seed, "prompts", epoch) for epoch in epochs}
    places = (divmod(first + offset, len(ids)) for offset in range(settings.prompts_per_step))
    return [questions[orders[epoch][position]] for epoch, position in places]
