"""Settings of a command about a job: the command's own and the job's, in one class."""

from functools import cache
from types import new_class
from typing import Any, TypeVar, cast

from octo.settings import JOBS
from octo.settings.base import JobSettings, Settings

C = TypeVar("C", bound=Settings)


@cache
def with_job(command: type[C], job: str, /, **class_variables: str) -> type[C]:
    """A class with the fields of both. Where both have one, the job's default stands."""
    job_class = JOBS[job]
    namespace: dict[str, Any] = {
        "__module__": command.__module__,
        "__doc__": command.__doc__,
        "verb": vars(command)["verb"],
        **class_variables,
    }
    name = f"{command.__name__.removesuffix('Settings')}{job_class.__name__}"
    return cast("type[C]", new_class(name, (job_class, command), exec_body=lambda body: body.update(namespace)))


def of_job(settings: Settings, job: str) -> JobSettings:
    """The job's own settings, out of a command's and the job's."""
    job_class = JOBS[job]
    return job_class.model_validate({name: getattr(settings, name) for name in job_class.model_fields})
