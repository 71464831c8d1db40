"""How long a training takes that nothing like it has been done before: from its operations, never from a guess.

A token costs 6 operations a weight (Kaplan et al., 2020: 2 forwards, 4 backwards), and attention 12 for each pair of
positions that see each other, a unit of the heads' width and a layer; what is computed again for want of memory costs a
third more. An accelerator reaches a share of its peak, from and to, as its pool says. Decoding waits for memory and not
for operations, so of reinforcement learning and evaluation nothing is said.
"""

from typing import NamedTuple

from octo.render.fitting import Known
from octo.render.roles import Role
from octo.settings.base import JobSettings
from octo.settings.midtraining import MidtrainingSettings

COMPUTED_AGAIN = 4 / 3


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
    shape = known.shape
    seen = known.length if known.is_diffusion else known.length / 2
    of_a_token = 6 * shape.num_computing_parameters + 12 * shape.num_layers * shape.query_size * seen
    optimizer = settings.optimizer
    again = 1 + (COMPUTED_AGAIN - 1) * optimizer.checkpointed_layers if optimizer.gradient_checkpointing else 1
    return of_a_token * training_tokens(settings, known) * again


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
