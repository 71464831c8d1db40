"""HTTP to the API server with the official client's connection, credentials and certificates."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from octo import __version__
from octo.cluster.certificates import untrusted
from octo.cluster.failures import Refusal
from octo.errors import ClusterUnreachableError, ClusterUntrustedError, UsageError

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_DEFAULT_KUBECONFIG = Path("~/.kube/config")
_SECONDS_TO_CONNECT = 10.0
"""At most; less where somebody waits for the answer."""


class Lines:
    """The lines of an answer that has no end yet. `close` may be called from another thread."""

    def __init__(self, response: urllib3.HTTPResponse, host: str) -> None:
        self._response = response
        self._host = host

    def __iter__(self) -> Iterator[str]:
        """Line by line as they come. Raises ClusterUnreachableError when the connection breaks."""
        rest = b""
        try:
            for chunk in self._response.stream(None):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from (line.decode(errors="replace") for line in whole)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterUnreachableError(f"the connection to {self._host} broke ({type(error).__name__})") from error
        finally:
            self._response.close()
        if rest:
            yield rest.decode(errors="replace")

    def close(self) -> None:
        """End the reading, also one that another thread waits in."""
        try:
            self._response.shutdown()
        except (OSError, ValueError, RuntimeError):
            # It has ended by itself.
            return


class Transport:
    """One way to one API server."""

    def __init__(
        self, context: str, kubeconfig: Path | None, *, seconds_to_connect: float = _SECONDS_TO_CONNECT
    ) -> None:
        self._seconds_to_connect = min(seconds_to_connect, _SECONDS_TO_CONNECT)
        self._context = context
        self._kubeconfig = kubeconfig
        self.namespace = "default"
        """The namespace that the kubeconfig or the pod says."""
        self._api = self._connected()

    @property
    def host(self) -> str:
        """URL of the API server."""
        return str(self._api.configuration.host)

    def renew(self) -> None:
        """Read the credentials again, which may have been renewed since."""
        self._api = self._connected()

    def send(
        self, method: str, path: str, query: dict[str, str], body: Any, content_type: str, *, seconds: float
    ) -> str:
        """One request, one answer. Raises ClusterUnreachableError when there is none, Refusal when it is no success."""
        response = self._call(method, path, query, body, content_type, seconds)
        try:
            return response.read().decode(errors="replace")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterUnreachableError(f"{self.host} answered in part ({type(error).__name__})") from error

    def stream(self, path: str, query: dict[str, str], read_timeout: float) -> Lines:
        """One request whose answer comes line by line; seconds without any are taken for a broken connection."""
        return Lines(self._call("GET", path, query, None, "application/json", read_timeout), self.host)

    def _call(
        self, method: str, path: str, query: dict[str, str], body: Any, content_type: str, read_timeout: float
    ) -> urllib3.HTTPResponse:
        try:
            response: urllib3.HTTPResponse = self._api.call_api(
                path,
                method,
                query_params=list(query.items()),
                header_params={"Accept": "application/json, */*", "Content-Type": content_type},
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=(self._seconds_to_connect, read_timeout),
            )
        except ApiException as error:
            if not error.status:
                raise self._unreachable(str(error.reason)) from error
            raise Refusal(error.status, _text(error.body), dict(error.headers or {})) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(f"{type(error).__name__}\n{error}") from error
        return response

    def _unreachable(self, reason: str) -> ClusterUnreachableError:
        """What the client says: the name of its error, and on the next lines what it knows."""
        if (said := untrusted(self.host, reason)) is not None:
            return ClusterUntrustedError(said)
        return ClusterUnreachableError(
            f"no answer from the cluster at {self.host} ({_why(reason)}): is the address right, and the network there? "
            "--context and --kubeconfig choose another"
        )

    def _connected(self) -> client.ApiClient:
        configuration = client.Configuration()
        try:
            self.namespace = self._configure(configuration)
        except ConfigException as error:
            reason = str(error).rstrip(".")
            raise UsageError(f"no way to a cluster is known: {reason}; give --kubeconfig or --context") from error
        except (OSError, ValueError) as error:
            raise UsageError(f"the kubeconfig cannot be read: {error}") from error
        # The caller decides what is tried again.
        configuration.retries = False
        api = client.ApiClient(configuration)
        api.user_agent = f"octo/{__version__}"
        return api

    def _configure(self, configuration: client.Configuration) -> str:
        """Fill in address and credentials, and give the namespace that goes with them."""
        # kubectl's own variable; the client would read it once, when it is imported.
        place = str(self._kubeconfig or os.environ.get("KUBECONFIG") or _DEFAULT_KUBECONFIG.expanduser())
        if not self._kubeconfig and not self._context and not any(Path(each).exists() for each in place.split(":")):
            config.load_incluster_config(client_configuration=configuration)
            return (_SERVICE_ACCOUNT / "namespace").read_text().strip()
        chosen = {"config_file": place, "context": self._context or None}
        config.load_kube_config(client_configuration=configuration, persist_config=False, **chosen)
        contexts, current = config.list_kube_config_contexts(config_file=place)
        wanted = next((each for each in contexts if each["name"] == self._context), current)
        return str(wanted["context"].get("namespace") or "default")


def _why(reason: str) -> str:
    """`NewConnectionError: Connection refused`, in as few words as tell the cases apart."""
    name, _, text = reason.partition("\n")
    found = re.search(r"Connection refused|timed out|Name or service not known|No route to host|reset by peer", text)
    return f"{name}: {found[0]}" if found else name


def _text(body: bytes | str | None) -> str:
    return body.decode(errors="replace") if isinstance(body, bytes) else body or ""
