"""Settings of a command about a job: the command's own and the job's, in one class."""

import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache, partial
from types import new_class
from typing import Any, TypeVar, cast

from octo.errors import UsageError
from octo.settings import JOBS
from octo.settings.base import JobSettings, Settings
from octo.settings.installation import InstalledSettings
from octo.settings.loading import load
from octo.settings.sources import help_text

C = TypeVar("C", bound=InstalledSettings)


def load_with_job(
    command: type[C], arguments: Sequence[str], environ: Mapping[str, str], *, without: Sequence[str] = ()
) -> tuple[C, str]:
    """Settings of `octo VERB JOB ...`: a command's and the job's in one, and the job's name.

    The installation's settings for the job stand where nobody says otherwise.

    Args:
        command: the command's own settings, with an `installation` among them.
        arguments: the job's name first.
        environ: the process's variables.
        without: jobs that the command is not about.

    Raises:
        UsageError: as `load` does, and for a job that there is not.
    """
    job, *rest = arguments or [""]
    names = [each for each in JOBS if each not in without]
    if job in ("--help", "-h"):
        about = f"JOB is one of {', '.join(names)}; octo {command.verb()} JOB --help shows its flags too.\n"
        sys.stdout.write(help_text(command).replace("[flags]", "JOB [flags]", 1) + "\n" + about)
        raise SystemExit(0)
    if job not in names:
        near = get_close_matches(job, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(names)}"
        raise UsageError(f"octo {command.verb()} {job or 'JOB'}: {hint}")
    return load(with_job(command, job), rest, environ, site=partial(_of_the_site, job=job)), job


@cache
def with_job(command: type[C], job: str) -> type[C]:
    """A class with the fields of both. Where both have one, the job's default stands, and the command's name."""
    job_class = JOBS[job]
    namespace: dict[str, Any] = {
        "__module__": command.__module__,
        "__doc__": command.__doc__,
        **{name: value for name, value in vars(command).items() if name in _KEPT},
        "verb": classmethod(lambda _: f"{command.verb()} {job}"),
        "about": job,
    }
    name = f"{command.__name__.removesuffix('Settings')}{job_class.__name__}"
    return cast("type[C]", new_class(name, (job_class, command), exec_body=lambda body: body.update(namespace)))


def of_job(settings: Settings, job: str) -> JobSettings:
    """The job's own settings, out of a command's and the job's."""
    job_class = JOBS[job]
    return job_class.model_validate({name: getattr(settings, name) for name in job_class.model_fields})


_KEPT = frozenset({"job", "code_version", "pod_shape", "image"})
"""What a class says of itself, which a job's class must not say in its place."""


def _of_the_site(settings: InstalledSettings, *, job: str) -> Mapping[str, object]:
    by_job = settings.installation.settings
    if unknown := by_job.keys() - set(JOBS):
        raise UsageError(f"installation.settings: {min(unknown)} is no job: expected some of {', '.join(JOBS)}")
    return by_job.get(job, {})
