"""Parts of committed artifacts that are JSON."""

import json
from collections.abc import Mapping
from typing import Any

from octo.errors import InputError
from octo.storage.artifacts import Artifact


def json_parts(artifact: Artifact, name: str) -> list[Mapping[str, Any]]:
    """All parts of that name, in the order of their indexes; InputError where one is no object."""
    parts = sorted(artifact.parts(name), key=lambda part: part.index)
    return [parsed(artifact.read(part), artifact) for part in parts]


def parsed(body: bytes, artifact: Artifact) -> Mapping[str, Any]:
    """A part's object; InputError where it is none."""
    try:
        described = json.loads(body)
    except ValueError as error:
        raise InputError(f"a part of {artifact.address} is not JSON: {error}") from error
    if not isinstance(described, dict):
        raise InputError(f"a part of {artifact.address} is not a JSON object")
    return described
