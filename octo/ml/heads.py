"""What a model's head says of some tokens, told without its logits: the head is told to do something else.

The model is called once as a whole, and its head once within it, whatever is asked: so DeepSpeed gathers weights as
often on every rank, and its hooks come in their order.

Axes: B sequences, S positions, D width, V vocabulary, N states that predict, K tokens that are asked for.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from octo.errors import InvariantError, UsageError
from octo.ml.devices import brought
from octo.ml.documents import Documents
from octo.ml.sequence_parallel import SequenceGroup, SharedDocuments, group_of
from octo.ml.token_logprobs import token_logprobs


class Asked(NamedTuple):
    """Tokens, and which states predict them."""

    sites_N: Tensor
    """Places of the states, counted through all sequences. On the host, so that no device is waited for."""
    sites_K: Tensor
    """By which of these states each token is predicted."""
    targets_K: Tensor


def model_logprobs(
    model: torch.nn.Module, asked: Asked, *, temperature: float = 1.0, **inputs: Tensor | object
) -> tuple[Tensor, Tensor]:
    """The log-probability of each token that is asked for, shape K, and each state's entropy, shape N.

    Args:
        model: a causal or a diffusion model, or DeepSpeed's engine around one.
        asked: the tokens.
        temperature: divides the logits.
        inputs: what the model is called with.

    Returns:
        Nats. The entropies have no gradient.

    Where several ranks compute sequences together, each is given and asked the same, and each is answered whole.

    Raises:
        UsageError: the model's logits are not its states times a matrix, nor a multiple of that.
    """
    group = group_of(model)
    if group is None:
        return _answered(model, asked, temperature, inputs)
    return _answered_together(model, group, asked, temperature, inputs)


def _answered_together(
    model: torch.nn.Module,
    group: SequenceGroup,
    asked: Asked,
    temperature: float,
    inputs: Mapping[str, Tensor | object],
) -> tuple[Tensor, Tensor]:
    """Of what is asked, the own columns' share, and what the others say of theirs."""
    documents, tokens_BS = inputs.get("documents"), inputs["input_ids"]
    if not (isinstance(documents, Documents) and isinstance(tokens_BS, Tensor)):
        raise InvariantError("ranks compute sequences together within documents alone")
    length = tokens_BS.shape[1]
    states, tokens = (group.shares(each, length=length) for each in (asked.sites_N, asked.sites_N[asked.sites_K]))
    own = Asked(
        sites_N=group.local(asked.sites_N[states.own], length=length),
        sites_K=torch.searchsorted(states.own, asked.sites_K[tokens.own]),
        targets_K=asked.targets_K[tokens.own],
    )
    # Without positions, every rank would count its own columns.
    placed = {"position_ids": torch.arange(length).expand_as(tokens_BS), **inputs}
    cut = {name: group.cut(each) if isinstance(each, Tensor) else each for name, each in placed.items()}
    logprobs_K, entropies_N = _answered(
        model, own, temperature, {**cut, "documents": SharedDocuments(documents, group)}
    )
    return group.gathered(logprobs_K, tokens), group.gathered(entropies_N, states)


def _answered(
    model: torch.nn.Module, asked: Asked, temperature: float, inputs: Mapping[str, Tensor | object]
) -> tuple[Tensor, Tensor]:
    """Of what this rank is given, what it is asked."""
    owner: Any = getattr(model, "module", model)
    config = getattr(owner, "config", None)
    inputs = {name: brought(each, owner.device) if isinstance(each, Tensor) else each for name, each in inputs.items()}
    if "documents" in inputs:
        # What looks like a mask of transformers' own, and is none: without, it asks the device for documents' edges.
        inputs["attention_mask"] = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=owner.device)
    multiple = multiple_of(config)
    entropies_N = torch.empty(0)

    def read(hidden_BSD: Tensor, weight_VD: Tensor) -> Tensor:
        nonlocal entropies_N
        states_ND = hidden_BSD.flatten(0, 1).index_select(0, brought(asked.sites_N, hidden_BSD.device))
        logprobs_K, entropies_N = token_logprobs(
            states_ND, weight_VD, asked.sites_K, asked.targets_K, temperature=temperature / multiple
        )
        # A state that is too large to be squared is zeros after its norm: finite, and nothing of what it was.
        lost_N = (states_ND == 0).all(dim=-1)
        return logprobs_K.masked_fill(lost_N[brought(asked.sites_K, lost_N.device)], torch.nan)

    with _head_does(model, read) as heard:
        made_K: Tensor = model(**inputs, use_cache=False).logits
    logprobs_K = heard[0]
    # What the model does to logits it has done to these numbers.
    if made_K is not logprobs_K and not torch.allclose(made_K, multiple * logprobs_K, rtol=1e-3, equal_nan=True):
        raise UsageError(
            f"a {getattr(config, 'model_type', 'strange')} model does something of its own to its head's logits, which "
            "octo does not know: take a model whose logits are its states times a matrix"
        )
    return logprobs_K, entropies_N


def multiple_of(config: Any) -> float:
    """What the model multiplies its head's logits by."""
    return float(getattr(config, "logit_scale", None) or 1.0) / float(getattr(config, "logits_scaling", None) or 1.0)


@contextmanager
def _head_does(model: torch.nn.Module, read: Callable[[Tensor, Tensor], Tensor]) -> Iterator[list[Tensor]]:
    """Have the head make something else of the states and its weights, which may be gathered for its call alone.

    What it made comes in the list that is given, as the head's other hooks have left it.
    """
    owner: Any = model
    head = owner.get_output_embeddings()
    if getattr(head, "bias", None) is not None:
        raise UsageError("this model's head adds a bias to its logits, which octo does not know: take another model")
    heard: list[Tensor] = []
    before = vars(head).get("forward")
    head.forward = lambda hidden_BSD: read(hidden_BSD, head.weight)
    listening = head.register_forward_hook(lambda _head, _given, made: heard.append(made))
    try:
        yield heard
    finally:
        listening.remove()
        del head.forward
        if before:
            head.forward = before
