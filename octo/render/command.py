"""`octo render JOB`: the JobSet as YAML on stdout, for kubectl."""

import os
import sys
from collections.abc import Sequence

from octo.errors import EXIT_DONE
from octo.render.jobset import jobset
from octo.render.yaml_text import yaml_text
from octo.settings.combined import load_with_job, of_job
from octo.settings.installation import InstalledSettings
from octo.settings.launch import LaunchSettings


class RenderSettings(InstalledSettings):
    """Print the JobSet of a job, as kubectl create -f takes it."""

    name: str = ""
    """Name of the JobSet; empty lets Kubernetes make one up."""


def render_command(arguments: Sequence[str]) -> int:
    """Print the JobSet of a job with its settings and an installation."""
    settings, job = load_with_job(RenderSettings, arguments, os.environ, without=(LaunchSettings.job,))
    wanted = of_job(settings, job)
    rendered = yaml_text([jobset(wanted, settings.installation, name=settings.name)])
    wanted.check_complete()
    sys.stdout.write(rendered)
    return EXIT_DONE
