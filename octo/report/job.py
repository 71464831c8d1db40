"""The report job: what the run's artifacts say, as one deterministic part."""

from octo.job import Job
from octo.report.collection import collect
from octo.settings.report import ReportSettings
from octo.storage.artifacts import IndexResult


def report(job: Job[ReportSettings]) -> None:
    """Commit `results.json`; the page around it, which has times, is made from it for each run."""
    job.each(collect_results, range(1))


def collect_results(job: Job[ReportSettings], _index: int) -> IndexResult:
    """The results as the job's only part."""
    results = collect(job.settings, job.inputs, job.store)
    return IndexResult(
        parts={"results.json": results.model_dump_json(indent=1).encode()},
        counters={"branches": len(results.branches), "problems": results.problems},
    )
