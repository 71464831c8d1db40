"""How long a training takes that nothing like it has been done before: from its operations, never from a guess.

What a token costs is in octo.transformer_shape. An accelerator reaches a share of its peak, from and to, as its pool
says. Decoding waits for memory and not for operations, so of reinforcement learning and evaluation nothing is said.
"""

from typing import NamedTuple

from octo.render.fitting import Known
from octo.render.roles import Role
from octo.settings.base import JobSettings
from octo.settings.midtraining import MidtrainingSettings
from octo.transformer_shape import operations_of_a_token


class Duration(NamedTuple):
    """Seconds, at the middle of the shares of the peak, at the most and at the least of them."""

    middle: float
    low: float
    high: float


def training_tokens(settings: JobSettings, known: Known | None) -> int:
    """Tokens that a mid-training reads, of all its seeds, padding included; 0 where that is left to the data."""
    if not isinstance(settings, MidtrainingSettings) or known is None:
        return 0
    return settings.num_seeds * settings.num_steps * settings.batch_size * known.length


def training_operations(settings: MidtrainingSettings, known: Known) -> float:
    """Operations of the whole training."""
    optimizer = settings.optimizer
    of_a_token = operations_of_a_token(
        known.shape,
        seen=known.length if known.is_diffusion else known.length / 2,
        computed_again=optimizer.gradient_checkpointing * optimizer.checkpointed_layers,
    )
    return of_a_token * training_tokens(settings, known)


def training_duration(settings: JobSettings, known: Known | None, role: Role) -> Duration | None:
    """How long it takes; None where peak, tokens or model are not known, and in float32, which has another peak."""
    pool = role.placement.pool
    if not (isinstance(settings, MidtrainingSettings) and known and pool.teraflops and role.accelerators):
        return None
    operations = training_operations(settings, known)
    if not operations or settings.optimizer.precision != "bfloat16":
        return None
    at_peak = operations / (pool.teraflops * 1e12 * role.accelerators)
    least, most = pool.shares_of_peak
    return Duration(2 * at_peak / (least + most), at_peak / most, at_peak / least)
