"""Whether the ranks of a gang can share the micro-batches of a step: known before a pod waits for a place."""

from octo.errors import UsageError
from octo.settings.base import JobSettings
from octo.settings.midtraining import MidtrainingSettings, ranks_of
from octo.settings.rl import RlSettings
from octo.settings.tuning import TuningSettings


def refuse_uneven(settings: JobSettings, *, stage: str = "") -> None:
    """Raise UsageError where some ranks of a training would have more micro-batches than others.

    Args:
        settings: of any job.
        stage: of a pipeline, whose settings are given by --set; empty for a job by itself.
    """
    if not isinstance(settings, MidtrainingSettings | TuningSettings | RlSettings) or settings.pod_shape != "gang":
        return
    size, shares = settings.micro_batch_size, ranks_of(settings.need)
    if isinstance(settings, RlSettings):
        sequences = settings.prompts_per_step * settings.group_size
    else:
        sequences, shares = settings.batch_size, shares // settings.sequence_parallel
    if sequences // size % shares == 0:
        return
    flag = f"--set {stage}.micro_batch_size" if stage else "--micro-batch-size"
    fitting = next((each for each in range(size, 0, -1) if sequences % (each * shares) == 0), 0)
    remedy = f"give {flag}={fitting}, or" if fitting else f"give updates of a multiple of {shares} sequences, or"
    raise UsageError(
        f"{stage or settings.job}: an update of {sequences} sequences is {sequences // size} micro-batches of {size}, "
        f"which {shares} ranks (need.pods times need.accelerators) cannot share evenly: {remedy} other pods"
    )
