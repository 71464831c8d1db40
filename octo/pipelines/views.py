"""`octo report` and `octo trace`: what is left of a run, shown again."""

import os
from collections.abc import Sequence

from rich.console import Console

from octo.errors import EXIT_DONE, UsageError
from octo.pipelines.session import open_session
from octo.pipelines.settings import ReportPageSettings, TraceSettings, check_writable
from octo.processes import stoppable
from octo.report.page import render_page
from octo.settings.loading import load
from octo.storage.store import Store
from octo.trace import load_spans
from octo.waterfall import render_critical_path, render_tree


def report_command(arguments: Sequence[str]) -> int:
    """Write the page of a run to a file."""
    settings = load(ReportPageSettings, arguments, os.environ)
    check_writable(settings.output)
    with stoppable("nothing was changed"), open_session(settings.store, settings.s3) as session:
        _check_run(session.store, settings.run_id)
        page = render_page(session.store, settings.run_id)
    settings.output.write_text(page, encoding="utf-8")
    Console().print(str(settings.output.resolve()), soft_wrap=True, highlight=False)
    return EXIT_DONE


def trace_command(arguments: Sequence[str]) -> int:
    """Print the spans of a run as a tree, as its critical path, or as OTLP JSON."""
    settings = load(TraceSettings, arguments, os.environ)
    with stoppable("nothing was changed"), open_session(settings.store, settings.s3) as session:
        _check_run(session.store, settings.run_id)
        lines = span_lines(session.store, settings.run_id)
    console = Console()
    if settings.json_output:
        for line in lines:
            console.out(line.decode(), highlight=False)
    else:
        spans = load_spans(lines)
        console.print(render_critical_path(spans) if settings.critical_path else render_tree(spans))
    return EXIT_DONE


def span_lines(store: Store, run_id: str) -> list[bytes]:
    """The OTLP-JSON lines of every process of a run."""
    keys = store.list(f"runs/{run_id}/spans/")
    return [line for key in keys for line in store.get(key).splitlines() if line]


def _check_run(store: Store, run_id: str) -> None:
    if store.head(f"runs/{run_id}/run.json") is not None:
        return
    runs = sorted({key.split("/")[1] for key in store.list("runs/")})
    known = f"there is {', '.join(runs[-5:])}" if runs else "there is none yet: octo run octothinker"
    raise UsageError(f"no run {run_id!r} in this store: {known}")
