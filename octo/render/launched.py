"""The JobSet that launch and submit create: the job's own, under the one name that those who ask again find it by."""

from collections.abc import Mapping

from octo.render.jobset import SPEC_DIGEST, jobset, jobset_name
from octo.render.pods import Object
from octo.settings.base import JobSettings
from octo.settings.installation import Installation
from octo.settings.launch import Owner

FOLLOWED = "octo.dev/followed"
"""Label of a JobSet that somebody follows, and that is stopped when nobody does any more."""


def launched(
    settings: JobSettings,
    installation: Installation,
    *,
    owner: Owner | None = None,
    traceparent: str = "",
    followed: bool = False,
    annotations: Mapping[str, str] | None = None,
) -> Object:
    """The JobSet of a job, named after its stage and its run; without a run, after all that it is told.

    Asked for again, it has the same name: who creates it twice finds it, and adopts it.
    """
    return jobset(
        settings,
        installation,
        name=launched_name(settings, installation),
        owner=owner,
        traceparent=traceparent,
        labels={FOLLOWED: "true"} if followed else {},
        annotations=annotations,
    )


def launched_name(settings: JobSettings, installation: Installation) -> str:
    """The name of that JobSet. Only without a run is it rendered for it, and any misfit found."""
    key = settings.run_id or jobset(settings, installation)["metadata"]["annotations"][SPEC_DIGEST]
    return jobset_name(settings.stage or settings.job, key)
