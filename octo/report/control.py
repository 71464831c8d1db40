"""Whether a control had the branches' chances: as many tokens, and a start from which there was something to learn."""

from collections.abc import Sequence

from octo.report.curves import ends
from octo.report.results import Branch, Model
from octo.report.statement import called
from octo.report.text import number, percent

SAME_TOKENS = 0.99
"""Of the branches' tokens; less is said."""
FEW_GROUPS = 0.10
"""Groups with different rewards, of which the rest teach nothing, that are too few to learn from."""


def chances_of(control: str, models: Sequence[Model], branches: Sequence[Branch]) -> tuple[str, ...]:
    """What a report says of its control's chances; nothing without a control, or without a branch beside it."""
    others = [branch for branch in branches if branch.name != control]
    if not control or not others:
        return ()
    tokens = {model.branch: model.tokens_before + _last(model) for model in models if model.branch}
    told = [_of_tokens(control, tokens.get(control, 0.0), [tokens.get(branch.name, 0.0) for branch in others])]
    told += [_of_start(branch) for branch in branches if branch.name == control]
    return tuple(filter(None, told))


def _of_tokens(control: str, seen: float, others: Sequence[float]) -> str:
    most = max(others)
    if not most:
        return ""
    name = called(control)
    if not seen:
        return (
            f"None of the training here was {name}'s, and each branch saw up to {number(most, 4)} tokens: what tells "
            "them apart may be the tokens alone, whatever they say."
        )
    if min(others) * SAME_TOKENS <= seen <= most / SAME_TOKENS:
        return f"Equal tokens: {name} saw {number(seen, 4)}, a branch {number(most, 4)} at most."
    return (
        f"Not equal tokens: {name} saw {percent(seen / most, 0)} of the {number(most, 4)} that a branch did. What "
        "tells them apart may be the number of tokens alone, whatever they say."
    )


def _of_start(control: Branch) -> str:
    first, _ = ends(control.training.values.get("zero_variance_groups", ()))
    if first is None:
        return ""
    name = called(control.name)
    told = f"At the beginning {percent(1 - first, 0)} of the groups of {name} had different rewards"
    if 1 - first < FEW_GROUPS:
        return f"{told}: it had next to nothing to learn from, whatever is true of the branches."
    return f"{told}, so it could learn."


def _last(model: Model) -> float:
    return max((seen or 0.0 for seen in model.curve.values.get("tokens", ())), default=0.0)
