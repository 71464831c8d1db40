"""Which cluster a command is about, with kubectl's flags."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from octo.settings.base import Flag, Settings


class ClusterSettings(Settings):
    """Which cluster, and where on it."""

    namespace: Annotated[str, Flag(short="-n")] = ""
    """Namespace; empty takes the current one."""
    context: str = ""
    """Context of the kubeconfig; empty takes the current one."""
    kubeconfig: Path | None = None
    """Kubeconfig; without it KUBECONFIG, ~/.kube/config, or the pod's own account."""


class PromptSettings(ClusterSettings):
    """Which cluster, for a person who waits for what it says."""

    answer_seconds: float = Field(default=3, gt=0)
    """How long the API server may take to begin an answer."""
