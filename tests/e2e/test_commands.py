"""What a person does with a run: again, the report, the trace."""

import json
from pathlib import Path

from octo.settings.base import S3Settings
from octo.storage.session import open_session
from tests.e2e.conftest import BRANCHES, Finished, octo, run_arguments

NUM_STAGES = 19


def test_a_run_brings_every_stage_to_an_artifact(finished: Finished) -> None:
    stages = finished.outcome["stages"]
    assert len(stages) == NUM_STAGES
    assert {stage["state"] for stage in stages.values()} == {"done"}
    assert all("/artifacts/" in stage["address"] for stage in stages.values())


def test_the_log_says_when_stages_start_and_end(finished: Finished) -> None:
    assert "curate: started" in finished.log
    assert "curate: done in" in finished.log


def test_a_second_run_does_nothing_and_gives_the_same_artifacts(finished: Finished, tmp_path: Path) -> None:
    again = octo(*run_arguments(finished.directory, "--json", "--output", str(tmp_path / "again.html")))
    assert again.returncode == 0, again.stderr
    outcome = json.loads(again.stdout)
    assert outcome["run_id"] != finished.run_id
    assert outcome["cached"] == NUM_STAGES
    assert "stable: cached, committed" in again.stderr
    assert {name: stage["address"] for name, stage in outcome["stages"].items()} == {
        name: stage["address"] for name, stage in finished.outcome["stages"].items()
    }


def test_changing_one_setting_runs_only_what_depends_on_it(finished: Finished, tmp_path: Path) -> None:
    # README's own change: what it makes is there when README's command is run.
    more = ("--set", "rl-long.learning_rate=1e-4", "--json", "--output", str(tmp_path / "changed.html"))
    changed = octo(*run_arguments(finished.directory, *more))
    assert changed.returncode == 0, changed.stderr
    done = {name for name, stage in json.loads(changed.stdout)["stages"].items() if stage["state"] == "done"}
    assert done == {"rl-long", "evaluate-long", "report"}


def test_the_report_is_one_page_that_loads_nothing(finished: Finished, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    made = octo("report", finished.run_id, "-o", str(page), "--store", str(finished.directory))
    assert made.returncode == 0, made.stderr
    text = page.read_text()
    assert text.lower().startswith("<!doctype html>")
    assert "<script" not in text
    assert 'src="http' not in text
    assert "url(http" not in text
    assert all(f"evaluate-{branch}" in text for branch in BRANCHES)


def test_the_trace_is_a_tree_with_every_stage(finished: Finished) -> None:
    shown = octo("trace", finished.run_id, "--store", str(finished.directory))
    assert shown.returncode == 0, shown.stderr
    assert "octo.run" in shown.stdout
    assert "octo.rl" in shown.stdout
    path = octo("trace", finished.run_id, "--store", str(finished.directory), "--critical-path")
    assert "report" in path.stdout
    lines = octo("trace", finished.run_id, "--store", str(finished.directory), "--json").stdout.splitlines()
    assert all("resourceSpans" in json.loads(line) for line in lines)


def test_a_run_that_does_not_exist_is_answered_with_those_that_do(finished: Finished) -> None:
    shown = octo("trace", "nonesuch", "--store", str(finished.directory))
    assert shown.returncode == 2
    assert "no run 'nonesuch'" in shown.stderr
    assert finished.run_id in shown.stderr


def test_a_directory_that_is_served_already_is_refused_with_the_owner(finished: Finished) -> None:
    with open_session(str(finished.directory), S3Settings()):
        refused = octo("trace", finished.run_id, "--store", str(finished.directory))
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
