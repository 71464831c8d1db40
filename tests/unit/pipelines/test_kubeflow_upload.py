import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from octo.errors import (
    ClusterError,
    ClusterForbiddenError,
    ClusterLacksError,
    ClusterLoginError,
    ClusterRefusedError,
    ClusterUnreachableError,
    UsageError,
)
from octo.pipelines.compile_command import upload_command
from octo.pipelines.kubeflow_upload import upload_version


@dataclass
class KubeflowPipelines:
    """What of the API of Kubeflow Pipelines an upload needs, on loopback."""

    pipelines: list[dict[str, Any]] = field(default_factory=list)
    versions: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Uploaded bodies by the pipeline's id and the version's name."""
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    fails_with: tuple[int, bytes] | None = None
    raced: bool = False
    """Somebody else creates what is asked for, between the question and the request."""
    url: str = ""

    def get(self, path: str, query: dict[str, str]) -> tuple[int, object]:
        (predicate,) = json.loads(query["filter"])["predicates"]
        name = predicate["stringValue"]
        if path == "/apis/v2beta1/pipelines":
            found = [
                each
                for each in self.pipelines
                if each["display_name"] == name and each.get("namespace") == query.get("namespace")
            ]
            return 200, {"pipelines": found} if found else {}
        pipeline = path.split("/")[-2]
        return 200, {"pipeline_versions": [{"display_name": each} for each in self.versions[pipeline] if each == name]}

    def post(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, object]:
        if path == "/apis/v2beta1/pipelines":
            created = {**json.loads(body), "pipeline_id": f"id-{len(self.pipelines)}"}
            self.pipelines.append(created)
            self.versions[created["pipeline_id"]] = {}
            return (409, {"error_message": "exists"}) if self.raced else (200, created)
        assert path == "/apis/v2beta1/pipelines/upload_version"
        self.versions[query["pipelineid"]][query["name"]] = body
        return (409, {"error_message": "exists"}) if self.raced else (200, {"pipeline_version_id": "v"})


@pytest.fixture
def kubeflow() -> Iterator[KubeflowPipelines]:
    state = KubeflowPipelines()

    class Requests(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            url, body = urlsplit(self.path), self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = dict(parse_qsl(url.query))
            state.requests.append((self.command, url.path, dict(self.headers)))
            if state.fails_with:
                status, answer = state.fails_with
            else:
                given = state.get(url.path, query) if self.command == "GET" else state.post(url.path, query, body)
                status, answer = given[0], json.dumps(given[1]).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Requests) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        state.url = f"http://127.0.0.1:{server.server_port}"
        yield state
        server.shutdown()


def test_the_first_upload_creates_the_pipeline_and_the_next_a_version(kubeflow: KubeflowPipelines) -> None:
    for version in ("1", "2"):
        assert upload_version("a: 1\n", pipeline="p", version=version, endpoint=kubeflow.url, description="d")
    (pipeline,) = kubeflow.pipelines
    assert (pipeline["display_name"], pipeline["description"]) == ("p", "d")
    assert list(kubeflow.versions["id-0"]) == ["1", "2"]
    assert b'filename="p.yaml"' in kubeflow.versions["id-0"]["1"]
    assert b"a: 1\n" in kubeflow.versions["id-0"]["1"]


def test_a_version_that_is_there_is_not_uploaded_again(kubeflow: KubeflowPipelines) -> None:
    assert upload_version("a: 1\n", pipeline="p", version="1", endpoint=kubeflow.url)
    assert not upload_version("a: 2\n", pipeline="p", version="1", endpoint=kubeflow.url)
    assert b"a: 1\n" in kubeflow.versions["id-0"]["1"]


def test_who_is_overtaken_by_another_upload_is_content(kubeflow: KubeflowPipelines) -> None:
    kubeflow.raced = True
    assert not upload_version("a: 1\n", pipeline="p", version="1", endpoint=kubeflow.url)
    assert len(kubeflow.pipelines) == 1


def test_a_profile_has_a_pipeline_of_its_own(kubeflow: KubeflowPipelines) -> None:
    upload_version("a: 1\n", pipeline="p", version="1", endpoint=kubeflow.url)
    upload_version("a: 1\n", pipeline="p", version="1", endpoint=kubeflow.url, profile="team")
    assert [pipeline.get("namespace") for pipeline in kubeflow.pipelines] == [None, "team"]


def test_the_token_is_shown_to_the_api(kubeflow: KubeflowPipelines) -> None:
    upload_version("a: 1\n", pipeline="p", version="1", endpoint=kubeflow.url, token="t0ken")
    assert {headers["authorization"] for _, _, headers in kubeflow.requests} == {"Bearer t0ken"}


@pytest.mark.parametrize(
    ("status", "answer", "kind", "sentence"),
    [
        (401, b"", ClusterLoginError, "does not know who asks: give --token-file"),
        (403, b'{"error_message": "user x may not create"}', ClusterForbiddenError, "user x may not create"),
        (404, b"<html>not here</html>", ClusterLacksError, "no API of Kubeflow Pipelines v2: expected a URL such as"),
        (400, b'{"error_message": "bad\\nspec"}', ClusterRefusedError, "does not take the pipeline: bad spec"),
        (503, b"<html>busy</html>", ClusterError, "failed with HTTP 503: try again"),
        (200, b"<html>welcome</html>", ClusterLacksError, "is not Kubeflow Pipelines"),
    ],
)
def test_a_refusal_is_a_sentence_with_a_remedy(
    kubeflow: KubeflowPipelines, status: int, answer: bytes, kind: type[ClusterError], sentence: str
) -> None:
    kubeflow.fails_with = (status, answer)
    with pytest.raises(kind) as refused:
        upload_version("a: 1\n", pipeline="p", version="1", endpoint=kubeflow.url)
    assert sentence in str(refused.value)
    assert "<html>" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_nobody_there_is_a_sentence() -> None:
    with pytest.raises(ClusterUnreachableError, match=r"does not answer at http://127\.0\.0\.1:1: check --endpoint"):
        upload_version("a: 1\n", pipeline="p", version="1", endpoint="http://127.0.0.1:1")


def test_the_command_uploads_once_what_it_compiles(
    kubeflow: KubeflowPipelines, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("t0ken\n")
    arguments = ["octothinker", "--endpoint", kubeflow.url, "--only", "ingest", "--token-file", str(token)]
    assert (upload_command(arguments), upload_command(arguments)) == (0, 0)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("uploaded octothinker, version ")
    assert second.startswith("Kubeflow has already octothinker, version ")
    (uploaded,) = kubeflow.versions["id-0"].values()
    assert b"exec-ingest" in uploaded
    # What is set differs, so its version does.
    upload_command([*arguments, "--set", "ingest.max_document_bytes=5"])
    assert len(kubeflow.versions["id-0"]) == 2


def test_a_token_file_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="--token-file: cannot read /nowhere/token: No such file"):
        upload_command(["octothinker", "--endpoint", "http://127.0.0.1:1", "--token-file", "/nowhere/token"])


def test_a_kubeflow_that_is_silent_is_asked_once_and_named() -> None:
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        endpoint = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(ClusterUnreachableError, match=rf"does not answer at {endpoint}: .* \(ReadTimeoutError\)"):
            upload_command(["octothinker", f"--endpoint={endpoint}", "--answer-seconds=0.2"])
        listening.settimeout(0)
        asked = 0
        with suppress(BlockingIOError):
            while True:
                listening.accept()[0].close()
                asked += 1
    assert asked == 1
