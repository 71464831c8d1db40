"""`octo report` and `octo trace`: what is left of a run, shown again."""

import os
from collections.abc import Sequence

from octo.errors import EXIT_DONE
from octo.pipelines.settings import ReportPageSettings, TraceSettings, check_writable
from octo.processes import stoppable
from octo.report.runs import described, span_lines
from octo.settings.loading import load
from octo.storage.session import open_session
from octo.streams import write_output
from octo.terminal import Console
from octo.trace import load_spans
from octo.waterfall import render_critical_path, render_tree


def report_command(arguments: Sequence[str]) -> int:
    """Write the page of a run to a file."""
    settings = load(ReportPageSettings, arguments, os.environ)
    check_writable(settings.output)
    # Costs half a second of drawing library, which `octo trace` beside it has no use for.
    from octo.report.page import render_page  # noqa: PLC0415

    with stoppable("nothing was changed"), open_session(settings.store, settings.s3) as session:
        page = render_page(session.store, settings.run_id)
    write_output(settings.output, page)
    Console().print(str(settings.output.resolve()), soft_wrap=True)
    return EXIT_DONE


def trace_command(arguments: Sequence[str]) -> int:
    """Print the spans of a run as a tree, as its critical path, or as OTLP JSON."""
    settings = load(TraceSettings, arguments, os.environ)
    with stoppable("nothing was changed"), open_session(settings.store, settings.s3) as session:
        described(session.store, settings.run_id)
        lines = span_lines(session.store, settings.run_id)
    console = Console()
    if settings.json_output:
        for line in lines:
            console.out(line.decode())
    else:
        spans = load_spans(lines)
        console.print(render_critical_path(spans) if settings.critical_path else render_tree(spans))
    return EXIT_DONE
