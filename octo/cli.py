"""The command line: verbs and jobs by name, each imported only when it is called."""

import os
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pkgutil import resolve_name
from typing import NamedTuple

from octo import __version__
from octo.errors import EXIT_DONE, UsageError
from octo.outcome import Command, concluded
from octo.settings import JOBS


class Verb(NamedTuple):
    """What `octo VERB` stands for; modules are imported only when they are called for."""

    summary: str
    function: str
    """`module:name` of what takes the arguments after the verb and gives the exit code."""
    settings: str = ""
    """`module:name` of the settings that it takes; empty where it always takes a job's as well."""
    job_settings: str = ""
    """`module:name` of those that it takes beside a job's, as `octo VERB JOB`."""


_PIPELINES, _CLUSTER = "octo.pipelines", "octo.cluster"

VERBS: Mapping[str, Verb] = {
    "run": Verb(
        "run a pipeline on this machine, or resume a run",
        f"{_PIPELINES}.run:run_command",
        f"{_PIPELINES}.settings:RunSettings",
    ),
    "report": Verb(
        "one self-contained HTML page of a run",
        f"{_PIPELINES}.views:report_command",
        f"{_PIPELINES}.settings:ReportPageSettings",
    ),
    "trace": Verb(
        "what a run spent its time on, and its critical path",
        f"{_PIPELINES}.views:trace_command",
        f"{_PIPELINES}.settings:TraceSettings",
    ),
    "show": Verb(
        "an artifact or a run: what it is, how it was made, what it counted",
        f"{_PIPELINES}.show_command:show_command",
        f"{_PIPELINES}.show_command:ShowSettings",
    ),
    "get": Verb(
        "what an artifact holds: parts as files, or rows on standard output",
        f"{_PIPELINES}.get_command:get_command",
        f"{_PIPELINES}.get_command:GetSettings",
    ),
    "why": Verb(
        "what a result comes from: settings, inputs, documents, verified by digests",
        f"{_PIPELINES}.why_command:why_command",
        f"{_PIPELINES}.why_command:WhySettings",
    ),
    "export": Verb(
        "a model as a directory that transformers and vLLM load",
        f"{_PIPELINES}.export_command:export_command",
        f"{_PIPELINES}.export_command:ExportSettings",
    ),
    "plan": Verb(
        "what a pipeline or a job would run: pods, pools, what is cached, how long",
        f"{_PIPELINES}.plan_command:plan_command",
        f"{_PIPELINES}.plan_command:PlanPipelineSettings",
        f"{_PIPELINES}.plan_command:PlanSettings",
    ),
    "submit": Verb(
        "a job on the cluster, or a run of a pipeline on Kubeflow",
        f"{_CLUSTER}.submit_command:submit_command",
        f"{_PIPELINES}.submit_run:SubmitPipelineSettings",
        f"{_CLUSTER}.submit_command:SubmitSettings",
    ),
    "render": Verb(
        "a job's JobSet as YAML, for kubectl create -f -",
        "octo.render.command:render_command",
        "",
        "octo.render.command:RenderSettings",
    ),
    "compile": Verb(
        "a pipeline as a file for Kubeflow Pipelines",
        f"{_PIPELINES}.compile_command:compile_command",
        f"{_PIPELINES}.compile_command:CompileSettings",
    ),
    "upload": Verb(
        "give a pipeline to Kubeflow Pipelines",
        f"{_PIPELINES}.compile_command:upload_command",
        f"{_PIPELINES}.compile_command:UploadSettings",
    ),
    "ps": Verb(
        "the jobs on a cluster",
        f"{_CLUSTER}.ps:ps_command",
        f"{_CLUSTER}.settings:PsSettings",
    ),
    "logs": Verb(
        "what the pods of a run or a job write",
        f"{_CLUSTER}.logs:logs_command",
        f"{_CLUSTER}.settings:LogsSettings",
    ),
    "status": Verb(
        "the stages of a run: shards done, and why they are pending",
        f"{_CLUSTER}.ps:status_command",
        f"{_CLUSTER}.settings:StatusSettings",
    ),
    "cancel": Verb(
        "stop a run or a job; what is committed stays",
        f"{_CLUSTER}.cancel:cancel_command",
        f"{_CLUSTER}.settings:CancelSettings",
    ),
    "janitor": Verb(
        "stop what nobody follows any more",
        f"{_CLUSTER}.janitor:janitor_command",
        f"{_CLUSTER}.settings:JanitorSettings",
    ),
    "doctor": Verb(
        "what this machine, the store and the cluster have and lack",
        f"{_CLUSTER}.doctor:doctor_command",
        f"{_CLUSTER}.doctor:DoctorSettings",
    ),
    "completion": Verb(
        "a script that completes octo in bash, zsh or tcsh",
        "octo.cli:completion_command",
        "octo.completion:CompletionSettings",
    ),
}
"""The verbs, in the order in which they are listed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. The exit code says how it ended (errors.py); every error is one line on stderr."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    return concluded(_command, given)


def help_text() -> str:
    """What `octo --help` prints: verbs, jobs, and where to read on."""
    verbs = {name: verb.summary for name, verb in VERBS.items()}
    jobs = {job: JOBS.summary(job) for job in JOBS if job not in VERBS}
    width = max(map(len, [*verbs, *jobs]))

    def lines(entries: dict[str, str]) -> str:
        return "\n".join(f"  {name:{width}}  {summary}" for name, summary in entries.items())

    return (
        "usage: octo VERB [arguments]\n\n"
        "From raw documents to a reasoning policy, with proof of how it got there.\n\n"
        f"verbs:\n{lines(verbs)}\n\n"
        f"jobs, each in this process, as python -m jobs.JOB does it:\n{lines(jobs)}\n\n"
        "octo VERB --help says what each can be told; octo --version says which octo this is.\n"
        "Exit codes: 0 done, 1 failed, 2 wrong usage, 74 output cannot be written,\n"
        "75 stopped and resumable, 141 the reader of the output has left."
    )


def completion_command(arguments: Sequence[str]) -> int:
    """Print what a shell reads to complete octo's arguments."""
    # They import every command's settings, which no other command needs.
    from octo.completion import CompletionSettings, completion_script  # noqa: PLC0415
    from octo.settings.loading import load  # noqa: PLC0415

    settings = load(CompletionSettings, arguments, os.environ)
    return _print(completion_script(settings.shell, VERBS))


def _command(arguments: Sequence[str]) -> int:
    verb, *rest = arguments or ["--help"]
    if verb in ("--help", "-h", "help"):
        return _command([rest[0], "--help"]) if rest else _print(help_text())
    if verb == "--version":
        return _print(f"octo {__version__}")
    if verb not in VERBS and verb not in JOBS:
        near = get_close_matches(verb, [*VERBS, *JOBS], n=1)
        raise UsageError(f"octo has no verb {verb!r}: " + (f"did you mean {near[0]}?" if near else "see octo --help"))
    command: Command = resolve_name(VERBS[verb].function if verb in VERBS else f"jobs.{verb}:main")
    return command(rest)


def _print(text: str) -> int:
    print(text)
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
