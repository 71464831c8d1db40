"""What a shell completes after `octo`: verbs, jobs, and their flags from the very settings that the commands read."""

from argparse import ArgumentParser
from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any, Literal, Protocol

import shtab
from pydantic_settings import CliPositionalArg

from octo.settings import JOBS
from octo.settings.base import Settings
from octo.settings.combined import with_job
from octo.settings.sources import parser_of


class CompletionSettings(Settings):
    """Print a script that completes octo's verbs and flags; a shell reads it at its start."""

    shell: CliPositionalArg[Literal["bash", "zsh", "tcsh"]]
    """The shell that it is for."""


class Completed(Protocol):
    """What completion needs to know of a verb."""

    @property
    def summary(self) -> str:
        """What it does."""

    @property
    def settings(self) -> str:
        """`module:name` of the settings that it takes, if it takes some without a job's."""

    @property
    def job_settings(self) -> str:
        """`module:name` of those that it takes beside a job's."""


def completion_script(shell: str, verbs: Mapping[str, Completed]) -> str:
    """The script for a shell: bash, zsh or tcsh."""
    parser = ArgumentParser(prog="octo")
    commands = parser.add_subparsers()
    for name, verb in verbs.items():
        own = [parser_of(resolve_name(verb.settings))] if verb.settings else []
        command = commands.add_parser(name, help=verb.summary, parents=own, add_help=False)
        if verb.job_settings:
            jobs = command.add_subparsers()
            for job in JOBS:
                _add(jobs, job, with_job(resolve_name(verb.job_settings), job))
    for job in JOBS:
        if job not in verbs:
            _add(commands, job, JOBS[job])
    return str(shtab.complete(parser, shell))


def _add(commands: Any, job: str, settings_class: type[Settings]) -> None:
    commands.add_parser(job, help=JOBS.summary(job), parents=[parser_of(settings_class)], add_help=False)
