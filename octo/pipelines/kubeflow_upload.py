"""A compiled pipeline into Kubeflow Pipelines, over its API."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kfp_server_api
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from octo.errors import (
    ClusterError,
    ClusterForbiddenError,
    ClusterLacksError,
    ClusterLoginError,
    ClusterMissingError,
    ClusterRefusedError,
    ClusterUnreachableError,
)

SECONDS_TO_ANSWER = 60
"""For one that is there: it may be slow."""


def upload_version(
    compiled: str,
    *,
    pipeline: str,
    version: str,
    endpoint: str,
    description: str = "",
    profile: str = "",
    token: str = "",
    answer_seconds: float = SECONDS_TO_ANSWER,
) -> bool:
    """Upload a version of the pipeline, which is created if need be; whether it was there not yet.

    Called twice, or by two at a time, it uploads once.

    Args:
        compiled: the YAML.
        pipeline: its name.
        version: name of the version; a version of that name is kept as it is.
        endpoint: URL of the API.
        description: of the pipeline.
        profile: namespace that it belongs to; empty shares it.
        token: for the API; empty for one that asks for none.
        answer_seconds: how long it may take to begin its first answer.

    Raises:
        ClusterError: Kubeflow cannot be reached, or refused.
    """
    with _client(endpoint, token) as client, _spoken_errors(endpoint):
        service = kfp_server_api.PipelineServiceApi(client)
        pipeline_id = _pipeline_id(service, pipeline, profile, seconds=answer_seconds) or _create(
            service, pipeline, profile, description
        )
        if pipeline_id is None:
            raise ClusterLacksError(
                f"what answers at {endpoint} is not Kubeflow Pipelines, or lost what it was given: expected {_EXAMPLE}"
            )
        if _version_id(service, pipeline_id, version) is not None:
            return False
        with tempfile.TemporaryDirectory() as folder:
            # Kubeflow knows what it is given by the name's suffix.
            file = Path(folder, f"{pipeline}.yaml")
            file.write_text(compiled, encoding="utf-8")
            upload = kfp_server_api.PipelineUploadServiceApi(client).upload_pipeline_version
            return _unless_there(
                upload, str(file), name=version, pipelineid=pipeline_id, _request_timeout=SECONDS_TO_ANSWER
            )


def start_run(
    *,
    pipeline: str,
    version: str,
    endpoint: str,
    name: str,
    service_account: str = "",
    profile: str = "",
    token: str = "",
    answer_seconds: float = SECONDS_TO_ANSWER,
) -> str:
    """Start a run of an uploaded version with its parameters' defaults; the run's id, a UUID.

    Args:
        pipeline: its name.
        version: name of the version.
        endpoint: URL of the API.
        name: what the run is called in the UI.
        service_account: of its steps, which must be allowed to launch; empty for Kubeflow's own choice.
        profile: namespace that the pipeline belongs to.
        token: for the API.
        answer_seconds: how long it may take to begin its first answer.

    Raises:
        ClusterError: Kubeflow cannot be reached, refused, or has no such version.
    """
    with _client(endpoint, token) as client, _spoken_errors(endpoint):
        service = kfp_server_api.PipelineServiceApi(client)
        pipeline_id = _pipeline_id(service, pipeline, profile, seconds=answer_seconds)
        version_id = _version_id(service, pipeline_id, version) if pipeline_id else None
        if version_id is None:
            raise ClusterMissingError(
                f"Kubeflow at {endpoint} has no version {version} of pipeline {pipeline}: octo upload it first"
            )
        reference = kfp_server_api.V2beta1PipelineVersionReference(
            pipeline_id=pipeline_id, pipeline_version_id=version_id
        )
        wanted = kfp_server_api.V2beta1Run(
            display_name=name, pipeline_version_reference=reference, service_account=service_account or None
        )
        started = kfp_server_api.RunServiceApi(client).run_service_create_run(
            wanted, _request_timeout=SECONDS_TO_ANSWER
        )
        return str(started.run_id)


def _client(endpoint: str, token: str) -> Any:
    configuration = kfp_server_api.Configuration(host=endpoint.rstrip("/"))
    # Whoever is silent once is silent four times.
    configuration.retries = Retry(3, connect=0, read=0)
    if token:
        configuration.api_key["authorization"] = token
        configuration.api_key_prefix["authorization"] = "Bearer"
    return kfp_server_api.ApiClient(configuration)


def _pipeline_id(service: Any, pipeline: str, profile: str, *, seconds: float = SECONDS_TO_ANSWER) -> str | None:
    found = service.pipeline_service_list_pipelines(
        filter=_named(pipeline), _request_timeout=(seconds, seconds), **({"namespace": profile} if profile else {})
    )
    return next((str(each.pipeline_id) for each in found.pipelines or ()), None)


def _create(service: Any, pipeline: str, profile: str, description: str) -> str | None:
    """The id of the new pipeline; None from a page that says yes to everything, such as a login's."""
    wanted = kfp_server_api.V2beta1Pipeline(
        name=pipeline, display_name=pipeline, description=description, namespace=profile or None
    )
    _unless_there(service.pipeline_service_create_pipeline, wanted, _request_timeout=SECONDS_TO_ANSWER)
    return _pipeline_id(service, pipeline, profile)


def _version_id(service: Any, pipeline_id: str, version: str) -> str | None:
    found = service.pipeline_service_list_pipeline_versions(
        pipeline_id, filter=_named(version), _request_timeout=SECONDS_TO_ANSWER
    )
    return next((str(each.pipeline_version_id) for each in found.pipeline_versions or ()), None)


def _named(name: str) -> str:
    equals = 1
    return json.dumps({"predicates": [{"operation": equals, "key": "display_name", "stringValue": name}]})


def _unless_there(call: Any, *arguments: Any, **options: Any) -> bool:
    """Whether the call created something; False when somebody else just did."""
    try:
        call(*arguments, **options)
    except kfp_server_api.ApiException as error:
        if error.status == 409:
            return False
        raise
    return True


@contextmanager
def _spoken_errors(endpoint: str) -> Iterator[None]:
    """Errors of the API in sentences, with what can be done."""
    try:
        yield
    except kfp_server_api.ApiException as error:
        raise _spoken(endpoint, error.status, _said(error)) from None
    except HTTPError as error:
        raise ClusterUnreachableError(
            f"Kubeflow Pipelines does not answer at {endpoint}: check --endpoint, and that this process may reach it "
            f"({type(getattr(error, 'reason', None) or error).__name__})"
        ) from None


def _spoken(endpoint: str, status: int, said: str) -> ClusterError:
    place = f"Kubeflow Pipelines at {endpoint}"
    match status:
        case 401:
            return ClusterLoginError(f"{place} does not know who asks{said}: give --token-file an account's token")
        case 403:
            return ClusterForbiddenError(
                f"{place} does not allow it{said}: let the account create pipelines, or give --profile a namespace "
                f"where it may"
            )
        case 404 | 405:
            return ClusterLacksError(f"{endpoint} has no API of Kubeflow Pipelines v2: expected {_EXAMPLE}")
        case 400:
            return ClusterRefusedError(f"{place} does not take the pipeline{said}")
    return ClusterError(f"{place} failed with HTTP {status}{said}: try again")


_EXAMPLE = "a URL such as http://ml-pipeline.kubeflow:8888"


def _said(error: Any) -> str:
    """What the API says itself, after a colon; nothing of a page of HTML."""
    try:
        answer = json.loads(error.body or "")
        text = answer.get("error_message") or answer.get("message") or answer.get("error")
    except (ValueError, AttributeError):
        return ""
    return f": {' '.join(str(text).split())[:300]}" if text else ""
