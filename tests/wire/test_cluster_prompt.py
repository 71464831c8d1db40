"""A person at a prompt is answered within three seconds, and told of a certificate by that word."""

import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from octo.cluster.cancel import cancel_command
from octo.cluster.certificates import untrusted
from octo.cluster.client import connect
from octo.cluster.doctor import doctor_command
from octo.cluster.kinds import JOB_SET, POD
from octo.cluster.logs import logs_command
from octo.cluster.ps import ps_command, status_command
from octo.cluster.rehearsal import rehearse
from octo.errors import ClusterUnreachableError, ClusterUntrustedError
from octo.settings.base import S3Settings
from octo.settings.cluster import PromptSettings
from tests.wire.cluster_examples import fleet
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.faults import Fault, refuse_in_plain_text
from tests.wire.kubernetes.server import api_server

COMMANDS = {
    "ps": (ps_command, []),
    "status": (status_command, ["r1"]),
    "logs": (logs_command, ["r1"]),
    "cancel": (cancel_command, ["r1", "--yes"]),
}


@dataclass
class Clock:
    """Time that passes by sleeping alone."""

    now: float = 0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("octo.cluster.client.time", clock)
    return clock


@pytest.fixture
def refusing(kubeconfig: Path, api: FakeCluster) -> Path:
    """A kubeconfig of a port where nobody listens."""
    kubeconfig.write_text(kubeconfig.read_text().replace(api.endpoint, "http://127.0.0.1:9"))
    return kubeconfig


@pytest.mark.parametrize("name", COMMANDS)
def test_a_server_that_refuses_connections_is_named_within_three_seconds(
    clock: Clock, refusing: Path, name: str
) -> None:
    command, words = COMMANDS[name]
    with pytest.raises(ClusterUnreachableError, match=r"http://127\.0\.0\.1:9 .*Connection refused.*--kubeconfig"):
        command([*words, f"--kubeconfig={refusing}"])
    assert clock.now < 3


def test_doctor_is_no_slower(clock: Clock, refusing: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor_command([f"--kubeconfig={refusing}"]) == 1
    assert "Connection refused" in capsys.readouterr().out.replace("\n", " ")
    assert clock.now < 3


@pytest.fixture
def silent(kubeconfig: Path, api: FakeCluster, listener: str) -> Path:
    """A kubeconfig of a server that takes connections and says nothing."""
    kubeconfig.write_text(kubeconfig.read_text().replace(api.endpoint, listener))
    return kubeconfig


BRIEF = "--answer-seconds=0.2"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_server_that_never_answers_is_named_once_the_time_for_an_answer_is_over(silent: Path, name: str) -> None:
    command, words = COMMANDS[name]
    with pytest.raises(
        ClusterUnreachableError, match=r"no answer from the cluster at http://127\.0\.0\.1:\d+ .*timed out"
    ):
        command([*words, f"--kubeconfig={silent}", BRIEF])


def test_doctor_says_it_of_the_cluster_and_of_the_store(
    silent: Path, listener: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ["--store=s3://bucket/p", f"--s3.endpoint={listener}", "--s3.answer-seconds=0.2"]
    assert doctor_command([f"--kubeconfig={silent}", BRIEF, *store]) == 1
    said = capsys.readouterr().out.replace("\n", " ")
    assert f"no answer from the cluster at {listener}" in said
    assert f"{listener} has not answered in 0.2 s" in said


def test_a_log_that_is_opened_and_never_comes_is_given_up(kubeconfig: Path, api: FakeCluster) -> None:
    released = threading.Event()
    api.faults.plan("GET", "/log", Fault(wait=released))
    asker = connect(kubeconfig=kubeconfig, patience=0, answer_seconds=0.2)
    with pytest.raises(ClusterUnreachableError), asker.log(POD, "curation-0", {"timestamps": "true"}) as lines:
        list(lines)
    released.set()


def test_pods_that_cannot_be_judged_in_that_time_are_not_judged(kubeconfig: Path, api: FakeCluster) -> None:
    released = threading.Event()
    api.faults.plan("POST", "/pods", Fault(wait=released))
    asker = connect(kubeconfig=kubeconfig, patience=0, answer_seconds=0.2)
    # The JobSet itself is judged for as long as it takes.
    rehearse(replace(asker, answer_seconds=0.2), fleet())
    released.set()
    assert [each for each in api.requests if "/podtemplates" in each] == []


def test_three_seconds_are_what_a_person_waits_by_default() -> None:
    assert PromptSettings.model_fields["answer_seconds"].default == 3
    assert S3Settings().answer_seconds == 3


def test_who_follows_something_waits_as_long_as_a_server_may_take(kubeconfig: Path) -> None:
    asker = connect(kubeconfig=kubeconfig, answer_seconds=3)
    assert (asker.answer_seconds, asker.patient().answer_seconds) == (3, 60)
    assert connect(kubeconfig=kubeconfig).answer_seconds == 60


def certificate(folder: Path, name: str, *, days: int = 1) -> tuple[Path, Path]:
    """A certificate that has signed itself, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = datetime.now(UTC) - timedelta(days=30)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=30 + days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.crt", folder / f"{name}.key"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Callable[..., FakeCluster]]:
    """An API server that speaks TLS, with a certificate for `localhost`."""
    shown, key = certificate(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, key)
    with api_server(context) as api:
        yield api


def trusting(api: FakeCluster, folder: Path, authority: Path, *, host: str = "localhost") -> Path:
    path = api.write_kubeconfig(folder / "secured")
    config = yaml.safe_load(path.read_text())
    server = api.endpoint.replace("http://127.0.0.1", f"https://{host}")
    config["clusters"][0]["cluster"] = {"server": server, "certificate-authority": str(authority)}
    path.write_text(yaml.safe_dump(config))
    return path


def test_a_certificate_that_is_trusted_is_no_matter(secured: FakeCluster, tmp_path: Path) -> None:
    kubeconfig = trusting(secured, tmp_path, tmp_path / "localhost.crt")
    assert connect(kubeconfig=kubeconfig).list(JOB_SET).items == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_wrong_authority_is_told_at_once_as_a_certificate(
    clock: Clock, secured: FakeCluster, tmp_path: Path, name: str
) -> None:
    other, _ = certificate(tmp_path, "another")
    kubeconfig = trusting(secured, tmp_path, other)
    command, words = COMMANDS[name]
    with pytest.raises(ClusterUntrustedError, match=r"the certificate of https://localhost:\d+ is not signed by"):
        command([*words, f"--kubeconfig={kubeconfig}"])
    assert clock.slept == []


def test_a_certificate_of_another_name_is_told_so(clock: Clock, secured: FakeCluster, tmp_path: Path) -> None:
    kubeconfig = trusting(secured, tmp_path, tmp_path / "localhost.crt", host="127.0.0.1")
    with pytest.raises(ClusterUntrustedError, match=r"the certificate of .* is of another name"):
        connect(kubeconfig=kubeconfig).list(JOB_SET)
    assert clock.slept == []


def test_an_expired_certificate_is_told_so(clock: Clock, tmp_path: Path) -> None:
    shown, key = certificate(tmp_path, "localhost", days=-1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, key)
    with api_server(context) as api, pytest.raises(ClusterUntrustedError, match=r"certificate .* does not hold now"):
        connect(kubeconfig=trusting(api, tmp_path, shown)).list(JOB_SET)
    assert clock.slept == []


def test_a_server_that_speaks_no_tls_is_told_so(clock: Clock, api: FakeCluster, tmp_path: Path) -> None:
    authority, _ = certificate(tmp_path, "localhost")
    with pytest.raises(ClusterUntrustedError, match=r"shows no certificate, for it speaks http"):
        connect(kubeconfig=trusting(api, tmp_path, authority)).list(JOB_SET)


def test_a_server_that_wants_tls_is_told_so(clock: Clock, api: FakeCluster, kubeconfig: Path) -> None:
    api.faults.plan("GET", "/jobsets", refuse_in_plain_text(400, "Client sent an HTTP request to an HTTPS server.\n"))
    with pytest.raises(
        ClusterUntrustedError, match=r"shows a certificate, and takes no http: mend the address .* https"
    ):
        connect(kubeconfig=kubeconfig).list(JOB_SET)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (
            "SSLError\n[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required (_ssl.c:2576)",
            "client",
        ),
        (
            "SSLError\n[SSL: SSLV3_ALERT_BAD_CERTIFICATE] sslv3 alert bad certificate (_ssl.c:1007)",
            "client certificate",
        ),
        ("SSLError\nEOF occurred in violation of protocol (_ssl.c:1007)", "no certificate was agreed on with h"),
    ],
)
def test_what_else_openssl_says_is_about_a_certificate_too(reason: str, said: str) -> None:
    assert said in str(untrusted("h", reason))


def test_a_connection_that_is_refused_is_no_matter_of_certificates() -> None:
    assert untrusted("h", "NewConnectionError\nFailed to establish a new connection: Connection refused") is None
