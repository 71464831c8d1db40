"""What a process of the job is: the learner, or a worker that samples for it. Neither loads what the other needs."""

from pkgutil import resolve_name

from octo.job import Job
from octo.settings.rl import RlSettings

ROLES = {"learner": "octo.ml.rl.training:reinforce", "rollout": "octo.ml.rl.rollout_server:serve"}


def play(job: Job[RlSettings]) -> None:
    """Train and commit the policy, or sample for whoever does."""
    resolve_name(ROLES[job.settings.role])(job)
