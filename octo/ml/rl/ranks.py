"""Who samples a step's chunks: the learner's ranks, each its share, or workers that rank 0 asks.

Either way every rank ends with all completions: as tensors, since what is gathered as objects is unpickled.

Axes: C completions of a step, T tokens of a completion.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import distributed
from transformers import PreTrainedModel

from octo.errors import InvariantError, UsageError
from octo.job import Job
from octo.ml.adapters import merging
from octo.ml.engine import Engine
from octo.ml.process_group import collective
from octo.ml.rl.protocol import shared_token
from octo.ml.rl.rollout import Completions
from octo.ml.rl.rollout_client import Workers
from octo.ml.rl.sampling import Chunk, joined, sample
from octo.ml.rl.weights import Weights, write_weights
from octo.ml.stops import Stops
from octo.processes import rank, world_size
from octo.settings.rl import RlSettings

Sampler = Callable[[Sequence[Chunk], Weights], Completions]
"""From a step's chunks and the weights to all completions of the step, on every rank."""


def open_sampler(job: Job[RlSettings], model: PreTrainedModel, *, device: torch.device, stops: Stops) -> Sampler:
    """Who samples in this job; UsageError where the settings leave nobody who could."""
    rollout = job.settings.rollout
    if rollout.servers:
        # They are asked by one rank, which would otherwise be told the same as the others.
        workers = Workers(rollout, token=shared_token(job.store, job.output.digest)) if rank() == 0 else None

        def ask(chunks: Sequence[Chunk], weights: Weights) -> Completions:
            sampled = dict(enumerate(workers.sample(chunks, weights))) if workers else {}
            return shared(chunks, sampled, device=device)

        return ask
    if rollout.engine == "vllm":
        raise UsageError("--rollout.engine=vllm samples in workers: give --rollout.pods, or --rollout.servers")
    if job.settings.optimizer.zero_stage == 3:
        raise UsageError(
            "--optimizer.zero-stage=3 leaves no rank with weights to sample with: give --rollout.pods, or "
            "--rollout.servers, or take stage 2"
        )

    def sample_here(chunks: Sequence[Chunk], _weights: Weights) -> Completions:
        own = range(rank(), len(chunks), world_size())
        # As workers would, to whom the weights are told.
        with merging(model):
            sampled = {place: sample(model, chunks[place], stops) for place in own}
        return shared(chunks, sampled, device=device)

    return sample_here


def collect_weights(job: Job[RlSettings], engine: Engine) -> Weights:
    """The policy's weights as rank 0 shows them to the workers; the other ranks only help."""
    path = job.scratch / "weights.safetensors"
    if rank() == 0:
        return write_weights(engine.weights(), path)
    for _ in engine.weights():
        raise InvariantError("only rank 0 is given weights")
    return Weights(path, "")


def shared(chunks: Sequence[Chunk], sampled: Mapping[int, Completions], *, device: torch.device) -> Completions:
    """All completions of a step on every rank, each of whom passes those of some chunks, by the chunk's place.

    A completion that two ranks sampled, or none, is an InvariantError.
    """
    if world_size() == 1:
        return joined([sampled[place] for place in range(len(chunks))])
    rows = sum(chunk.rows for chunk in chunks)
    width = max(chunk.max_new_tokens for chunk in chunks)
    tokens_CT = torch.zeros(rows, width, dtype=torch.long)
    logprobs_CT = torch.zeros(rows, width)
    # Counted from 1: there is no position 0 where nothing was unmasked.
    orders_CT = torch.zeros(rows, width, dtype=torch.long)
    # Columns: how many have sampled it, its length, whether it has ended.
    facts_C3 = torch.zeros(rows, 3, dtype=torch.long)
    for place, completions in sampled.items():
        first = chunks[place].first * chunks[place].group_size
        for row, tokens in enumerate(completions.tokens, start=first):
            tokens_CT[row, : len(tokens)] = torch.tensor(tokens)
            logprobs_CT[row, : len(tokens)] = torch.tensor(completions.logprobs[row - first])
            order = completions.orders[row - first] if completions.orders else []
            orders_CT[row, : len(order)] = torch.tensor(order, dtype=torch.long) + 1
            facts_C3[row] = torch.tensor([1, len(tokens), completions.finished[row - first]])
    tokens_CT, logprobs_CT, orders_CT, facts_C3 = (
        _summed(each.to(device)).cpu() for each in (tokens_CT, logprobs_CT, orders_CT, facts_C3)
    )
    times_C, lengths_C, finished_C = facts_C3.unbind(dim=-1)
    if not bool((times_C == 1).all()):
        raise InvariantError(f"expected every completion from one rank, got {times_C.tolist()}")
    lengths = lengths_C.tolist()
    return Completions(
        tokens=[row[:length] for row, length in zip(tokens_CT.tolist(), lengths, strict=True)],
        logprobs=[row[:length] for row, length in zip(logprobs_CT.tolist(), lengths, strict=True)],
        finished=finished_C.bool().tolist(),
        orders=[[place - 1 for place in row if place] for row in orders_CT.tolist()],
    )


def _summed(tensor: torch.Tensor) -> torch.Tensor:
    # Where one rank has a number the others have zero: the sum is that number to the last bit.
    with collective():
        distributed.all_reduce(tensor)
    return tensor
