import hashlib
import json
import random
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from octo import telemetry
from octo.errors import StorageError, UsageError
from octo.processes import Stopped
from octo.telemetry import SpanRef, Telemetry
from octo.trace import Span, load_spans, orphans

OUTER = "00-11111111111111111111111111111111-2222222222222222-01"
INNER = "00-33333333333333333333333333333333-4444444444444444-01"

Files = list[bytes]
Begin = Callable[..., tuple[Telemetry, Files]]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Starts telemetry whose sink appends each file that it is handed to a list."""
    started: list[Telemetry] = []

    def start(*, service: str = "curation", run_id: str = "run", parent: str | None = None) -> tuple[Telemetry, Files]:
        files: Files = []
        started.append(telemetry.start(service=service, run_id=run_id, sink=files.append, parent=parent))
        return started[-1], files

    yield start
    for each in started:
        each.shutdown()


def spans_in(file: bytes) -> dict[str, Span]:
    return {span.name: span for span in load_spans(file.splitlines())}


def test_a_run_on_kubeflow_is_its_trace_and_any_other_has_one_of_its_own() -> None:
    run_id = "0F8FAD5B-d9cb-469f-a165-70867728950e"
    assert telemetry.trace_id_of(run_id) == "0f8fad5bd9cb469fa16570867728950e"
    no_trace = "00000000-0000-0000-0000-000000000000"
    others = [telemetry.trace_id_of(each) for each in ("octothinker-1", no_trace, run_id + "x")]
    assert len(set(others)) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", each) and int(each, 16) for each in others)


def test_a_span_without_a_parent_is_a_root_of_the_trace_that_the_run_id_determines(begin: Begin) -> None:
    traced, files = begin(run_id="2026-11-22-a1")
    with traced.span("octo.run") as span:
        assert span.trace_id == telemetry.trace_id_of("2026-11-22-a1")
    traced.flush()
    root = spans_in(files[-1])["octo.run"]
    assert root.trace_id == hashlib.sha256(b"2026-11-22-a1").hexdigest()[:32]
    assert root.parent_id == ""


def test_processes_of_one_run_write_one_trace_without_orphans(begin: Begin) -> None:
    runner, runner_files = begin(service="runner")
    with runner.span("octo.run"):
        job, job_files = begin(service="curation", run_id="run", parent=runner.traceparent())
        with job.span("octo.curation"):
            worker, worker_files = begin(service="curation", run_id="run", parent=job.traceparent())
            with worker.span("octo.curation.shard"):
                pass
            worker.shutdown()
        job.shutdown()
    runner.shutdown()
    spans = load_spans([line for files in (runner_files, job_files, worker_files) for line in files[-1].splitlines()])
    assert [span.name for span in spans] == ["octo.run", "octo.curation", "octo.curation.shard"]
    assert {span.trace_id for span in spans} == {telemetry.trace_id_of("run")}
    assert [span.parent_id for span in spans] == ["", spans[0].span_id, spans[1].span_id]
    assert orphans(spans) == ()


@pytest.mark.parametrize("flags", ["00", "01", "03"])
def test_whatever_flags_a_parent_has_its_children_are_recorded_and_hand_on_01(begin: Begin, flags: str) -> None:
    traced, files = begin(parent=OUTER[:-2] + flags)
    assert traced.traceparent() == OUTER
    with traced.span("octo.curation") as span:
        assert traced.traceparent() == f"00-{'1' * 32}-{span.span_id}-01"
        assert traced.current_ref() == SpanRef("1" * 32, span.span_id)
    traced.flush()
    assert spans_in(files[-1])["octo.curation"].parent_id == "2" * 16


def test_a_parent_that_is_no_traceparent_is_refused_with_the_value() -> None:
    with pytest.raises(UsageError, match="got 'run-7'"):
        telemetry.start(service="curation", run_id="run", sink=None, parent="run-7")


def test_asking_for_the_current_span_where_there_is_none_is_a_mistake(begin: Begin) -> None:
    traced, _ = begin()
    with pytest.raises(ValueError, match="no span is open"):
        traced.traceparent()


@pytest.mark.parametrize(
    ("octo", "general", "parent", "links"),
    [
        (None, None, None, ()),
        (None, OUTER, OUTER, ()),
        (INNER, None, INNER, ()),
        (INNER, INNER[:-2] + "03", INNER, ()),
        (INNER, OUTER, INNER, (SpanRef("1" * 32, "2" * 16),)),
        ("no traceparent", OUTER, OUTER, ()),
        ("ff" + INNER[2:], None, None, ()),
        (f"00-{'0' * 32}-{'4' * 16}-01", None, None, ()),
    ],
)
def test_the_parent_is_octos_own_variable_and_a_different_general_one_is_linked(
    monkeypatch: pytest.MonkeyPatch,
    octo: str | None,
    general: str | None,
    parent: str | None,
    links: tuple[SpanRef, ...],
) -> None:
    for name, value in (("OCTO_TRACEPARENT", octo), ("TRACEPARENT", general)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert telemetry.environment_parent() == parent
    assert telemetry.environment_links() == links


def test_two_telemetries_at_once_do_not_become_each_others_parents(begin: Begin) -> None:
    one, one_files = begin(run_id="one")
    other, other_files = begin(run_id="other")
    with one.span("octo.run"), other.span("octo.run"):
        pass
    one.flush()
    other.flush()
    assert spans_in(one_files[-1])["octo.run"].trace_id == telemetry.trace_id_of("one")
    assert spans_in(other_files[-1])["octo.run"].trace_id == telemetry.trace_id_of("other")
    assert spans_in(other_files[-1])["octo.run"].parent_id == ""


def test_a_thread_without_a_span_of_its_own_works_under_the_outermost_open_one(begin: Begin) -> None:
    traced, files = begin()

    def roll_out() -> None:
        with traced.span("octo.rl.rollout"), traced.span("octo.storage.commit"):
            pass

    with traced.span("octo.rl"), traced.span("octo.rl.step"):
        thread = threading.Thread(target=roll_out)
        thread.start()
        thread.join()
    traced.flush()
    spans = spans_in(files[-1])
    assert spans["octo.rl.rollout"].parent_id == spans["octo.rl"].span_id
    assert spans["octo.storage.commit"].parent_id == spans["octo.rl.rollout"].span_id


def test_a_seeded_random_generator_does_not_repeat_span_ids(begin: Begin) -> None:
    ids = set()
    for _ in range(2):
        random.seed(0)
        with begin()[0].span("octo.rl") as span:
            ids.add(span.span_id)
    assert len(ids) == 2


@pytest.mark.parametrize(("name", "value"), [("OTEL_TRACES_SAMPLER", "always_off"), ("OTEL_SDK_DISABLED", "true")])
def test_the_sdks_own_variables_do_not_take_spans_away(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    traced, files = begin()
    with traced.span("octo.run"):
        pass
    traced.flush()
    assert list(spans_in(files[-1])) == ["octo.run"]


def test_a_span_carries_its_attributes_links_and_the_process_that_wrote_it(begin: Begin) -> None:
    traced, files = begin(service="decay-long")
    producer = SpanRef("5" * 32, "6" * 16)
    with traced.span("octo.midtraining", {"octo.digest": "ab", "octo.index": 3}, [producer]) as span:
        span.set_attribute("octo.loss", 2.5)
    traced.flush()
    written = spans_in(files[-1])["octo.midtraining"]
    assert written.attributes == {"octo.digest": "ab", "octo.index": 3, "octo.loss": 2.5}
    assert [tuple(link) for link in written.links] == [producer]
    assert written.stage == "decay-long"
    resource = json.loads(files[-1])["resourceSpans"][0]["resource"]["attributes"]
    keys = {attribute["key"] for attribute in resource}
    assert keys >= {"service.name", "service.namespace", "service.version", "octo.run", "host.name", "process.pid"}


def test_an_exception_passes_through_a_span_and_is_kept_in_it(begin: Begin) -> None:
    traced, files = begin()
    with pytest.raises(StorageError), traced.span("octo.curation"):
        raise StorageError("no such bucket")
    traced.flush()
    written = spans_in(files[-1])["octo.curation"]
    assert (written.status, written.message) == ("error", "StorageError: no such bucket")


def test_each_flush_hands_over_the_whole_file_with_the_open_spans_as_they_stand(begin: Begin) -> None:
    traced, files = begin()
    with traced.span("octo.curation") as job:
        job.set_attribute("octo.documents.kept", 7)
        with traced.span("octo.curation.shard"):
            pass
        traced.flush()
    traced.flush()
    first, last = (spans_in(file) for file in files)
    assert first["octo.curation"].unfinished
    assert first["octo.curation"].attributes["octo.documents.kept"] == 7
    assert first["octo.curation"].end >= first["octo.curation.shard"].end
    assert not last["octo.curation"].unfinished
    assert last["octo.curation.shard"] == first["octo.curation.shard"]
    assert len(load_spans(files[-1].splitlines())) == 2


def test_an_ended_span_is_encoded_once(begin: Begin) -> None:
    traced, files = begin()
    for _ in range(3):
        with traced.span("octo.rl.step"):
            pass
        traced.flush()
    assert files[1].startswith(files[0])
    assert files[2].startswith(files[1])


def test_a_file_that_has_not_changed_is_not_handed_over_again(begin: Begin) -> None:
    traced, files = begin()
    with traced.span("octo.run"):
        traced.flush()
        traced.flush()
    traced.shutdown()
    traced.shutdown()
    assert len(files) == 2


def test_a_span_is_stored_before_its_traceparent_is_given_away(begin: Begin) -> None:
    traced, files = begin()
    with traced.span("octo.run") as span:
        traced.traceparent()
        assert spans_in(files[-1])["octo.run"].span_id == span.span_id


def test_no_file_ever_holds_a_span_without_its_parent(begin: Begin) -> None:
    traced, files = begin()
    done = threading.Event()

    def work() -> None:
        for _ in range(150):
            with traced.span("octo.rl.step"), traced.span("octo.rl.rollout"), traced.span("octo.storage.commit"):
                pass

    def flush() -> None:
        while not done.is_set():
            traced.flush()

    threads = [threading.Thread(target=work) for _ in range(3)]
    flusher = threading.Thread(target=flush)
    with traced.span("octo.rl"):
        for thread in (flusher, *threads):
            thread.start()
        for thread in threads:
            thread.join()
        done.set()
        flusher.join()
    traced.flush()
    chosen = [*files[:: max(1, len(files) // 20)], files[-1]]
    assert [orphans(load_spans(file.splitlines())) for file in chosen] == [()] * len(chosen)
    assert len(load_spans(files[-1].splitlines())) == 1 + 3 * 150 * 3


def test_spans_are_flushed_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "FLUSH_SECONDS", 0.01)
    arrived = threading.Event()
    traced = telemetry.start(service="rl", run_id="run", sink=lambda _: arrived.set())
    with traced.span("octo.rl"):
        assert arrived.wait(timeout=1500)
    traced.shutdown()


def test_a_sink_that_fails_in_the_background_is_told_of_once_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(telemetry, "FLUSH_SECONDS", 0.001)
    attempts, files = threading.Semaphore(0), Files()
    repaired, stored = threading.Event(), threading.Event()

    def sink(file: bytes) -> None:
        attempts.release()
        if not repaired.is_set():
            raise StorageError("no answer from the store")
        files.append(file)
        stored.set()

    traced = telemetry.start(service="rl", run_id="run", sink=sink)
    with traced.span("octo.rl"):
        with traced.span("octo.rl.step"):
            pass
        for _ in range(3):
            assert attempts.acquire(timeout=1500)
        repaired.set()
        assert stored.wait(timeout=1500)
        assert spans_in(files[0]).keys() == {"octo.rl", "octo.rl.step"}
    traced.shutdown()
    assert [record.getMessage() for record in caplog.records] == [
        "spans are kept back, as they could not be stored: no answer from the store"
    ]


def test_an_explicit_flush_raises_what_the_sink_raises_and_shutdown_does_not() -> None:
    def sink(_: bytes) -> None:
        raise StorageError("no answer from the store")

    traced = telemetry.start(service="rl", run_id="run", sink=sink)
    with traced.span("octo.rl"), pytest.raises(StorageError, match="no answer"):
        traced.flush()
    traced.shutdown()


def test_being_stopped_while_the_sink_is_at_work_is_not_mistaken_for_its_failure(begin: Begin) -> None:
    stopped = [Stopped("SIGTERM")]
    files: Files = []

    def sink(file: bytes) -> None:
        if stopped:
            raise stopped.pop()
        files.append(file)

    traced = telemetry.start(service="rl", run_id="run", sink=sink)
    with pytest.raises(Stopped), traced.span("octo.rl"):
        traced.traceparent()
    traced.shutdown()
    assert spans_in(files[-1])["octo.rl"].message == "Stopped: SIGTERM"


def test_shutdown_ends_what_other_threads_have_open_and_marks_it(begin: Begin) -> None:
    traced, files = begin()
    opened, release = threading.Event(), threading.Event()

    def roll_out() -> None:
        with traced.span("octo.rl.rollout"):
            opened.set()
            release.wait(timeout=1500)

    thread = threading.Thread(target=roll_out)
    with traced.span("octo.rl"):
        thread.start()
        opened.wait(timeout=1500)
    traced.shutdown()
    release.set()
    thread.join()
    assert spans_in(files[-1])["octo.rl.rollout"].unfinished
    assert not spans_in(files[-1])["octo.rl"].unfinished


def test_without_a_sink_spans_have_their_ids_and_nothing_is_kept() -> None:
    traced = telemetry.start(service="rl", run_id="run", sink=None)
    with traced.span("octo.rl") as span:
        assert len(span.span_id) == 16
    traced.shutdown()
    assert traced._file._spans == {}


PROCESS = """
import pathlib, signal, sys, threading
from octo import telemetry
from octo.errors import PreemptedError

telemetry.FLUSH_SECONDS = 0.005
path = pathlib.Path(sys.argv[1])

def sink(file):
    new = path.with_suffix(".new")
    new.write_bytes(file)
    new.replace(path)
    print("stored", flush=True)

def stop(number, frame):
    raise PreemptedError("stopped by SIGTERM")

def work():
    while True:
        with traced.span("octo.rl.step"), traced.span("octo.rl.rollout"), traced.span("octo.storage.commit"):
            threading.Event().wait(0.001)

signal.signal(signal.SIGTERM, stop)
traced = telemetry.start(service="rl", run_id="run", sink=sink)
try:
    with traced.span("octo.rl"):
        threading.Thread(target=work, daemon=True).start()
        work()
except PreemptedError:
    sys.exit(75)
finally:
    traced.shutdown()
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROCESS, str(tmp_path / "spans.jsonl")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        yield running
        running.kill()


def wait_for_flushes(process: subprocess.Popen[str], count: int) -> None:
    assert process.stdout is not None
    for _ in range(count):
        assert process.stdout.readline() == "stored\n"


def test_sigterm_delivers_every_span_including_those_that_were_open(
    process: subprocess.Popen[str], tmp_path: Path
) -> None:
    wait_for_flushes(process, 3)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=1500)
    assert process.returncode == 75
    spans = load_spans((tmp_path / "spans.jsonl").read_bytes().splitlines())
    assert orphans(spans) == ()
    (job,) = (span for span in spans if span.name == "octo.rl")
    assert (job.message, job.unfinished) == ("PreemptedError: stopped by SIGTERM", False)
    stopped = {span.name for span in spans if span.status == "error"}
    assert {"octo.rl", "octo.rl.step"} <= stopped


@pytest.mark.parametrize("flushes", [1, 4, 9])
def test_sigkill_leaves_a_trace_without_orphans(process: subprocess.Popen[str], tmp_path: Path, flushes: int) -> None:
    wait_for_flushes(process, flushes)
    process.kill()
    process.wait(timeout=1500)
    spans = load_spans((tmp_path / "spans.jsonl").read_bytes().splitlines())
    assert orphans(spans) == ()
    assert [span.unfinished for span in spans if span.name == "octo.rl"] == [True]


def test_a_span_that_outlasts_its_block_takes_attributes_and_ends_when_the_block_was_left(begin: Begin) -> None:
    traced, files = begin()
    with traced.span("octo.stable"):
        with traced.span("octo.stable.step", outlasting=True) as step:
            pass
        with traced.span("octo.stable.next"):
            pass
        step.set_attribute("octo.loss", 2.5)
        step.end()
    traced.flush()
    spans = {span.name: span for span in load_spans(files[-1].splitlines())}
    assert spans["octo.stable.step"].attributes == {"octo.loss": 2.5}
    assert not spans["octo.stable.step"].unfinished
    assert spans["octo.stable.step"].end <= spans["octo.stable.next"].start
    assert spans["octo.stable.next"].parent_id == spans["octo.stable"].span_id


def test_a_span_that_was_to_outlast_its_block_ends_with_an_exception(begin: Begin) -> None:
    traced, files = begin()
    with pytest.raises(ValueError, match="no"), traced.span("octo.stable.step", outlasting=True):
        raise ValueError("no")
    traced.flush()
    [span] = load_spans(files[-1].splitlines())
    assert (span.status, span.unfinished) == ("error", False)
