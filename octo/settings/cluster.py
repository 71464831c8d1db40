"""Which cluster a command is about, with kubectl's flags."""

from pathlib import Path
from typing import Annotated

from octo.settings.base import Flag, Settings


class ClusterSettings(Settings):
    """Which cluster, and where on it."""

    namespace: Annotated[str, Flag(short="-n")] = ""
    """Namespace; empty takes the current one."""
    context: str = ""
    """Context of the kubeconfig; empty takes the current one."""
    kubeconfig: Path | None = None
    """Kubeconfig; without it KUBECONFIG, ~/.kube/config, or the pod's own account."""
