"""Packed sequences as batches: which tokens may see each other, and which are predicted.

Axes: B sequences, S positions.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from octo.data.packed import PADDING_SLICE, PackedSequences
from octo.errors import InvariantError
from octo.ml.attention import attends_by_documents
from octo.ml.documents import Documents, causal_documents
from octo.ml.heads import Asked, model_logprobs
from octo.ml.sequence_sums import sums_of_sequences


@dataclass(frozen=True)
class PackedBatch:
    """Sequences of several documents each, on the host; a token sees the tokens before it in its own document only."""

    tokens_BS: Tensor
    positions_BS: Tensor
    """Positions within the document's slice, from 0."""
    slices_BS: Tensor
    """Which document's slice of the sequence a token belongs to; padding is a slice of its own."""

    def documents(self) -> Documents:
        """What every position sees."""
        return causal_documents(self.slices_BS)

    def predicted(self) -> Tensor:
        """True at the positions whose next token is of the same slice: those carry loss; shape B, S - 1."""
        return (self.slices_BS[:, 1:] == self.slices_BS[:, :-1]) & (self.slices_BS[:, 1:] != PADDING_SLICE)


def packed_batch(sequences: PackedSequences) -> PackedBatch:
    """The sequences as a batch."""
    return PackedBatch(
        *(torch.from_numpy(array) for array in (sequences.tokens_NS, sequences.positions_NS, sequences.slices_NS))
    )


def num_predicted(sequences: PackedSequences) -> int:
    """How many tokens of the sequences carry loss."""
    slices_NS = sequences.slices_NS
    return int(((slices_NS[:, 1:] == slices_NS[:, :-1]) & (slices_NS[:, 1:] != PADDING_SLICE)).sum())


def language_model_loss(
    model: torch.nn.Module,
    batch: PackedBatch,
    *,
    num_predicted: int | Tensor,
    note: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """Cross entropy of the next token, summed over this batch and divided by `num_predicted`, in nats.

    The model may be anywhere: its device is given what it needs, and is not waited for. `num_predicted` counts the
    predicted tokens of the whole update, so that micro-batches add up to its mean; it may be on that device. `note` is
    given each sequence's sum of losses, and its count of predicted tokens; shape (B, 2).
    """
    if not attends_by_documents(model):
        raise InvariantError("this model would let documents see each other: it must attend_by_documents")
    # A boundary's state predicts nothing: it never reaches the head.
    predicted_BS = batch.predicted()
    rows_N, columns_N = predicted_BS.nonzero(as_tuple=True)
    logprobs_N, _ = model_logprobs(
        model,
        Asked(
            sites_N=rows_N * batch.tokens_BS.shape[1] + columns_N,
            sites_K=torch.arange(len(rows_N), device=rows_N.device),
            targets_K=batch.tokens_BS[rows_N, columns_N + 1],
        ),
        input_ids=batch.tokens_BS,
        position_ids=batch.positions_BS,
        documents=batch.documents(),
    )
    if note is not None:
        note(sums_of_sequences(-logprobs_N, (rows_N, columns_N), predicted_BS))
    return -logprobs_N.sum() / num_predicted
