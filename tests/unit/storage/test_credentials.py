"""What is said where a pod has no credentials: the Secret is named that it should have had them from."""

import re

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from octo.errors import AccessDeniedError, StorageError, UsageError
from octo.render.jobset import jobset
from octo.settings.base import S3Settings
from octo.settings.curation import CurationSettings
from octo.settings.installation import Installation
from octo.settings.loading import load
from octo.storage.client import open_client
from octo.storage.failures import named
from octo.storage.service import service_of
from octo.storage.store import connect

ELSEWHERE = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE")


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without any identity in the cloud."""
    for name in ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")


@pytest.mark.usefixtures("nobody")
def test_a_pod_without_its_secret_names_it_and_how_to_create_it() -> None:
    with pytest.raises(AccessDeniedError) as caught:
        connect("s3://bucket/p", S3Settings(endpoint="http://store:9000", secret="team-s3"))
    said = str(caught.value)
    assert "no credentials for http://store:9000: this namespace has no Secret team-s3" in said
    assert "kubectl create secret generic team-s3 --from-literal=access_key=" in said
    assert "OCTO_S3" not in said


@pytest.mark.usefixtures("nobody")
def test_an_identity_of_the_pods_own_stands_in_for_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert open_client(S3Settings(secret="team-s3"))


def test_a_secret_that_lacks_one_of_its_keys_is_told_which() -> None:
    with pytest.raises(UsageError, match="put secret_key into Secret team-s3"):
        open_client(S3Settings(secret="team-s3", access_key="key"))
    with pytest.raises(UsageError, match="put access_key into Secret team-s3"):
        open_client(S3Settings(secret="team-s3", secret_key="key"))


def test_without_a_pod_the_variables_are_named_as_before() -> None:
    with pytest.raises(UsageError, match="set both OCTO_S3__ACCESS_KEY and OCTO_S3__SECRET_KEY"):
        open_client(S3Settings(access_key="key"))


def test_every_pod_knows_the_name_of_its_secret_and_is_told_it_once() -> None:
    settings = CurationSettings(store="s3://bucket/p", s3=S3Settings(secret="of-the-launcher"))
    [replicated] = jobset(settings, Installation(s3_secret="team-s3"))["spec"]["replicatedJobs"]
    [container] = replicated["template"]["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each.get("value", "") for each in container["env"]}
    assert variables["OCTO_S3__SECRET"] == "team-s3"
    assert not [argument for argument in container["args"] if "secret" in argument]
    told = load(CurationSettings, container["args"], {"OCTO_S3__SECRET": "team-s3"})
    assert told.s3.secret == "team-s3"


def answered(code: str, status: int, operation: str = "GetObject") -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, operation)


OF_A_POD = S3Settings(endpoint="http://store:9000", secret="team-s3", access_key="key", secret_key="other")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            answered("SignatureDoesNotMatch", 403),
            "refused the credentials (SignatureDoesNotMatch): check access_key and",
        ),
        (answered("ExpiredToken", 400), "refused the credentials (ExpiredToken): check access_key and secret_key of"),
        (
            answered("AccessDenied", 403, "PutObject"),
            "does not allow PutObject on s3://b/k (AccessDenied): it takes a key",
        ),
        (NoCredentialsError(), "no credentials for http://store:9000: set access_key and secret_key of"),
    ],
)
def test_wrong_keys_of_a_pod_name_the_secret_that_they_are_from(error: Exception, said: str) -> None:
    with pytest.raises(AccessDeniedError, match=re.escape(said)) as caught, named("s3://b/k", service_of(OF_A_POD)):
        raise error
    assert "of Secret team-s3 in the pod's namespace" in str(caught.value)
    assert "OCTO_S3" not in str(caught.value)


def test_what_a_pods_own_identity_may_not_do_names_its_account() -> None:
    pod = OF_A_POD.model_copy(update={"access_key": None, "secret_key": None})
    said = "in the identity of the pod's service account, for Secret team-s3 has no"
    with pytest.raises(AccessDeniedError, match=said), named("s3://b/k", service_of(pod)):
        raise answered("AccessDenied", 403)


def test_a_pods_endpoint_is_mended_in_its_secret_too() -> None:
    moved = ClientError({"Error": {"Code": "301"}, "ResponseMetadata": {"HTTPStatusCode": 301}}, "GetObject")
    said = "put into endpoint of Secret team-s3 the address of the S3 service itself"
    with pytest.raises(StorageError, match=said), named("s3://b/k", service_of(OF_A_POD)):
        raise moved
    with pytest.raises(
        UsageError, match="expected the URL of an S3 service as endpoint of Secret team-s3, got 'store'"
    ):
        open_client(OF_A_POD.model_copy(update={"endpoint": "store"}))


def test_at_a_prompt_the_variables_are_named() -> None:
    mine = service_of(OF_A_POD.model_copy(update={"secret": ""}))
    said = "check OCTO_S3__ACCESS_KEY and OCTO_S3__SECRET_KEY"
    with pytest.raises(AccessDeniedError, match=said), named("s3://b/k", mine):
        raise answered("InvalidAccessKeyId", 403)


def test_how_long_a_person_waits_is_no_matter_of_pods() -> None:
    settings = CurationSettings(store="s3://bucket/p", s3=S3Settings(answer_seconds=60))
    [replicated] = jobset(settings, Installation())["spec"]["replicatedJobs"]
    [container] = replicated["template"]["spec"]["template"]["spec"]["containers"]
    assert not [argument for argument in container["args"] if "answer" in argument]
