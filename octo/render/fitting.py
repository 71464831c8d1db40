"""Whether what a job holds in memory fits where its pods go: what a rank and a pod of each role hold, and what to do.

What is not known is taken for nothing, so that a placement that is refused could not have worked.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from octo.errors import UsageError
from octo.memory_model import PROCESS, WIDTHS, Footprint, Training, decoding_footprint, footprint
from octo.memory_terms import adapted_parameters
from octo.render.roles import Role
from octo.settings.base import JobSettings
from octo.settings.decoding import DecodingSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.lora import LoraSettings
from octo.settings.midtraining import MidtrainingSettings, ModelShape
from octo.settings.rl import RlSettings
from octo.settings.tuning import TuningSettings
from octo.transformer_shape import TransformerShape, shape_of

GIB = 1 << 30
TOLERANCE = 0.15
"""How far the model of memory may be from what is measured: only what is over by more is refused."""
PROMPT_TOKENS = 512
"""Of problems that nobody has counted before they are read."""
VLLM_SHARE = 0.9
"""Of an accelerator, that vLLM fills with weights and the keys and values that fit beside them."""
MOST_PODS = 256
LEAST_VOCABULARY = 257
"""Of any tokenizer: the bytes, and an end."""

Trainer = MidtrainingSettings | TuningSettings | RlSettings


@dataclass(frozen=True)
class Known:
    """What is known of a job's model and data, beside its settings."""

    shape: TransformerShape
    length: int = 0
    """Of the packed sequences; 0 where that is not known."""
    is_diffusion: bool = False
    prompt: int = PROMPT_TOKENS
    """Tokens of the problems that it answers, at most."""


@dataclass(frozen=True)
class RoleMemory:
    """What a role's pods hold."""

    role: Role
    footprint: Footprint
    """Of a rank."""
    ranks: int
    """Of a pod."""
    own: int
    """Bytes of a pod's own memory, its accelerators' left out."""

    @property
    def is_accelerated(self) -> bool:
        """Whether its ranks compute on accelerators."""
        return self.role.need.accelerators > 0

    @property
    def room(self) -> int:
        """Bytes that a rank has room for; 0 where nobody has said."""
        pool = self.role.placement.pool
        return int((pool.accelerator_memory_gib if self.is_accelerated else self.role.need.memory_gib) * GIB)

    @property
    def fits(self) -> bool:
        """Unless it certainly does not."""
        too_much = self.room and self.footprint.total * (1 - TOLERANCE) > self.room
        return not too_much and self.own * (1 - TOLERANCE) <= self.role.need.memory_gib * GIB

    @property
    def is_tight(self) -> bool:
        """Whether it fits only if the model of memory counts too much."""
        over = self.room and self.footprint.total > self.room
        return bool(over) or self.own > self.role.need.memory_gib * GIB


def new_shape(shape: ModelShape, *, vocabulary_size: int) -> TransformerShape:
    """The shape of a new model."""
    return shape_of(
        {
            "model_type": shape.architecture,
            "vocab_size": vocabulary_size,
            "hidden_size": shape.hidden_size,
            "intermediate_size": shape.intermediate_size,
            "num_hidden_layers": shape.num_layers,
            "num_attention_heads": shape.num_heads,
            "num_key_value_heads": shape.num_key_value_heads,
            "tie_word_embeddings": False,
        }
    )


def least_known(settings: JobSettings) -> Known | None:
    """What the settings alone tell of the model: of a new one, all but its vocabulary, which is taken for the least."""
    if not isinstance(settings, MidtrainingSettings) or settings.model:
        return None
    return Known(new_shape(settings.shape, vocabulary_size=LEAST_VOCABULARY))


def memory_of(settings: JobSettings, known: Known, roles: Sequence[Role]) -> tuple[RoleMemory, ...]:
    """What the pods of each role hold; of a job without a model, nothing."""
    found = ((role, _of_role(settings, known, role)) for role in roles)
    return tuple(_role_memory(settings, known, role, each) for role, each in found if each is not None)


def refuse_misfit(settings: JobSettings, known: Known, memory: Sequence[RoleMemory], *, stage: str = "") -> None:
    """Raise UsageError where a role cannot fit, which says what it needs, what there is, and what would help.

    Args:
        settings: of the job.
        known: beside them.
        memory: of its roles.
        stage: of a pipeline, whose settings are given by --set; empty for a job by itself.
    """

    def flag(setting: str) -> str:
        # A switch of a command takes no value.
        return f"--set {stage}.{setting}" if stage else f"--{setting.removesuffix('=true').replace('_', '-')}"

    for each in memory:
        if not each.fits:
            raise UsageError(f"{stage or settings.job}: {_misfit(each)}; {_remedy(settings, known, each, flag)}")


def gibibytes_text(size: float) -> str:
    """`38 GiB`, `3.4 GiB` or `0.21 GiB`."""
    amount = size / GIB
    return f"{amount:,.0f} GiB" if amount >= 10 else f"{amount:.2g} GiB"


def training_of(settings: Trainer, known: Known, *, ranks: int, on_accelerator: bool) -> Training:
    """How each rank trains."""
    if isinstance(settings, MidtrainingSettings):
        length = predicted = max(1, known.length)
        sequences = settings.batch_size
    elif isinstance(settings, TuningSettings):
        length, predicted = settings.max_question_tokens + settings.max_new_tokens, settings.max_new_tokens
        sequences = settings.batch_size
    else:
        # Of a diffusion model, a completion is scored wholly masked and under each mask of its pairs.
        passes = 1 + 2 * settings.diffusion.coupling.num_pairs if known.is_diffusion else 1
        length = passes * (known.prompt + settings.max_new_tokens)
        predicted = passes * settings.max_new_tokens
        sequences = settings.prompts_per_step * settings.group_size
    size, together = min(settings.micro_batch_size, sequences), _together_on_a_sequence(settings)
    return Training(
        num_tokens=size * math.ceil(length / together),
        # Answers may all be on the last of them.
        num_predicted=size * min(predicted, math.ceil(length / together)),
        num_micro_batches=max(1, sequences // size * together // ranks),
        ranks=ranks,
        optimizer=settings.optimizer,
        on_accelerator=on_accelerator,
        lora=getattr(settings, "lora", LoraSettings()),
        saves=0 < settings.gang.checkpoint_every < (getattr(settings, "num_steps", 0) or math.inf),
    )


def _of_role(settings: JobSettings, known: Known, role: Role) -> Footprint | None:
    """What one process of the role holds."""
    on_accelerator = role.need.accelerators > 0
    if isinstance(settings, RlSettings) and role.name == "rollout":
        return _of_rollout(settings, known, on_accelerator=on_accelerator)
    if isinstance(settings, Trainer):
        ranks = role.pods * max(1, role.need.accelerators)
        training = training_of(settings, known, ranks=ranks, on_accelerator=on_accelerator)
        found = _with_reference(settings, known, footprint(known.shape, training))
        return _while_sampling(settings, known, found)
    if isinstance(settings, EvaluationSettings):
        return _of_decoder(settings, known, settings.batch_size, on_accelerator=on_accelerator)
    if isinstance(settings, DecodingSettings) and settings.engine == "torch":
        side_by_side = settings.prompts_per_shard * settings.num_samples
        return _of_decoder(settings, known, side_by_side, on_accelerator=on_accelerator)
    return None


def _with_reference(settings: Trainer, known: Known, found: Footprint) -> Footprint:
    """Beside a diffusion policy stands what it must not stray from."""
    if isinstance(settings, RlSettings) and known.is_diffusion and settings.diffusion.kl_weight:
        copy = WIDTHS[settings.optimizer.precision] * known.shape.num_parameters
        return replace(found, weights=found.weights + copy)
    return found


def _while_sampling(settings: Trainer, known: Known, found: Footprint) -> Footprint:
    """Of a learner that samples itself, or as it trains where it holds more then.

    Layers with adapters have their weights twice while it samples.
    """
    if (
        not (isinstance(settings, RlSettings) and settings.lora.rank)
        or settings.rollout.pods
        or settings.rollout.servers
    ):
        return found
    twice = WIDTHS[settings.optimizer.precision] * adapted_parameters(known.shape, settings.lora)
    held = found.weights + twice
    sampling = replace(found, weights=held, gradients=0, activations=0, logits=0, buffers=0, moment="decoding")
    return max(found, sampling, key=lambda each: each.total)


def _of_decoder(
    settings: EvaluationSettings | DecodingSettings, known: Known, side_by_side: int, *, on_accelerator: bool
) -> Footprint:
    return decoding_footprint(
        known.shape,
        num_sequences=side_by_side,
        length=known.prompt + settings.max_new_tokens,
        precision=settings.precision,
        on_accelerator=on_accelerator,
        keeps_keys=not known.is_diffusion,
    )


def _of_rollout(settings: RlSettings, known: Known, *, on_accelerator: bool) -> Footprint:
    rollout = settings.rollout
    found = decoding_footprint(
        known.shape,
        num_sequences=rollout.prompts_per_chunk * settings.group_size,
        length=known.prompt + settings.max_new_tokens,
        precision=settings.optimizer.precision,
        on_accelerator=on_accelerator,
        keeps_keys=not known.is_diffusion,
    )
    if rollout.engine == "torch":
        return found
    # vLLM queues what does not fit: it needs the weights, and some room for keys and values beside them.
    least = found.weights // rollout.tensor_parallel
    return Footprint(weights=least, buffers=int(least / VLLM_SHARE) - least, process=found.process, moment="decoding")


def _role_memory(settings: JobSettings, known: Known, role: Role, found: Footprint) -> RoleMemory:
    ranks = max(1, role.need.accelerators)
    if not role.need.accelerators:
        return RoleMemory(role, found, ranks, found.total)
    read = 4 * known.shape.num_parameters if role.name != "rollout" and _reads_whole(settings, known) else 0
    return RoleMemory(role, found, ranks, ranks * (PROCESS + max(found.offloaded, read)))


def _reads_whole(settings: JobSettings, known: Known) -> bool:
    """Whether each rank reads its model whole where the processor is, before it goes to the accelerator."""
    if not isinstance(settings, Trainer) or settings.optimizer.zero_stage < 3:
        return isinstance(settings, Trainer)
    if not isinstance(settings, MidtrainingSettings):
        return False
    return not settings.model or (settings.objective == "diffusion" and not known.is_diffusion)


def _misfit(memory: RoleMemory) -> str:
    pool, found = memory.role.placement.pool, memory.footprint
    if memory.room and found.total * (1 - TOLERANCE) > memory.room:
        place = f"an accelerator of pool {pool.name}" if memory.is_accelerated else "its pod"
        parts = ", ".join(
            f"{name} {gibibytes_text(getattr(found, name))}"
            for name in ("weights", "optimizer", "gradients", "activations", "buffers")
            if getattr(found, name) > found.total / 50
        )
        return (
            f"a rank holds about {gibibytes_text(found.total)} ({parts}) at its {found.moment}, "
            f"and {place} has {gibibytes_text(memory.room)}"
        )
    return (
        f"a pod holds about {gibibytes_text(memory.own)} beside its accelerators, "
        f"and is given {gibibytes_text(memory.role.need.memory_gib * GIB)}"
    )


def _remedy(settings: JobSettings, known: Known, memory: RoleMemory, flag: Callable[[str], str]) -> str:
    """What would help: each change that is enough by itself, or all of them together."""
    if not (memory.room and memory.footprint.total * (1 - TOLERANCE) > memory.room):
        return f"give {flag(f'need.memory_gib={-(-memory.own // GIB)}')}"
    bigger = (
        f"a pool with accelerators of {-(-memory.footprint.total // GIB)} GiB or more"
        if memory.is_accelerated
        else flag(f"need.memory_gib={-(-memory.footprint.total // GIB)}")
    )
    if not isinstance(settings, Trainer) or memory.role.name == "rollout":
        return f"take {bigger}"
    enough = [said for said, changed in _changes(settings) if _would_fit(changed, known, memory)]
    if enough:
        return f"give {', or '.join(flag(said) for said in enough[:4])}, or take {bigger}"
    return f"take {bigger}, or {_together(settings, known, memory, flag)}"


def _changes(settings: Trainer) -> Iterator[tuple[str, Trainer]]:
    """Settings that hold less, and how they differ, one change at a time."""
    optimizer = settings.optimizer
    for stage in range(optimizer.zero_stage + 1, 4):
        yield f"optimizer.zero_stage={stage}", _optimized(settings, zero_stage=stage)
    if not optimizer.gradient_checkpointing:
        yield "optimizer.gradient_checkpointing=true", _optimized(settings, gradient_checkpointing=True)
    elif optimizer.checkpointed_layers < 1:
        yield "optimizer.checkpointed_layers=1", _optimized(settings, checkpointed_layers=1)
    for size in _divisors(settings.micro_batch_size):
        yield f"micro_batch_size={size}", settings.model_copy(update={"micro_batch_size": size})
    pods = settings.need.pods
    while (pods := 2 * pods) <= MOST_PODS:
        yield f"need.pods={pods}", _on_pods(settings, pods)
    if optimizer.reduction == "plain" and optimizer.offload_optimizer == "none" and optimizer.zero_stage:
        yield "optimizer.offload_optimizer=cpu", _optimized(settings, offload_optimizer="cpu")


def _together(settings: Trainer, known: Known, memory: RoleMemory, flag: Callable[[str], str]) -> str:
    """The fewest pods on which it fits with everything else that saves memory."""
    saving = _optimized(settings, zero_stage=3, gradient_checkpointing=True, checkpointed_layers=1)
    saving = saving.model_copy(update={"micro_batch_size": 1})
    said = ("optimizer.zero_stage=3", "optimizer.gradient_checkpointing=true", "micro_batch_size=1")
    pods = settings.need.pods
    while pods <= MOST_PODS:
        if _would_fit(_on_pods(saving, pods), known, memory):
            more = () if pods == settings.need.pods else (f"need.pods={pods}",)
            return f"give {' '.join(flag(each) for each in (*said, *more))} together"
        pods *= 2
    return "take a smaller model: no setting is enough"


def _would_fit(settings: Trainer, known: Known, memory: RoleMemory) -> bool:
    role = replace(memory.role, need=settings.need, placement=replace(memory.role.placement, pods=settings.need.pods))
    found = _of_role(settings, known, role)
    return found is not None and found.total <= memory.room and _is_dealt_evenly(settings)


def _is_dealt_evenly(settings: Trainer) -> bool:
    """Whether each rank has as many micro-batches as the others."""
    if isinstance(settings, RlSettings):
        sequences = settings.prompts_per_step * settings.group_size
    else:
        sequences = settings.batch_size
    ranks = settings.need.pods * max(1, settings.need.accelerators)
    together = _together_on_a_sequence(settings)
    return ranks % together == 0 and sequences % (settings.micro_batch_size * (ranks // together)) == 0


def _together_on_a_sequence(settings: Trainer) -> int:
    """Ranks that compute each sequence together."""
    return 1 if isinstance(settings, RlSettings) else settings.sequence_parallel


def _optimized(settings: Trainer, **changes: Any) -> Trainer:
    return settings.model_copy(update={"optimizer": settings.optimizer.model_copy(update=changes)})


def _on_pods(settings: Trainer, pods: int) -> Trainer:
    return settings.model_copy(update={"need": settings.need.model_copy(update={"pods": pods})})


def _divisors(size: int) -> Iterable[int]:
    return (each for each in range(size - 1, 0, -1) if size % each == 0)
