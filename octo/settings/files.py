"""Settings files: JSON, YAML or TOML."""

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from octo.errors import UsageError


def read_values(path: Path) -> Mapping[object, object]:
    """What a file holds, by its suffix; an empty one holds nothing.

    Raises:
        UsageError: the file cannot be read or is malformed; its path and, where it is known, the line.
    """
    parse = _PARSERS.get(path.suffix.lower())
    if parse is None:
        raise UsageError(f"{path}: expected a settings file called .json, .yaml, .yml or .toml")
    try:
        values = parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the settings file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: expected UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}, line {error.lineno}: not JSON: {error.msg}") from None
    except tomllib.TOMLDecodeError as error:
        # Its message ends in "(at line 2, column 7)".
        raise UsageError(f"{path}: not TOML: {error}") from None
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(f"{path}{line}: not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: not YAML: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise UsageError(f"{path}: expected settings by name, got a {type(values).__name__}")
    return values


_PARSERS: dict[str, Callable[[str], object]] = {
    ".json": json.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
    ".toml": tomllib.loads,
}
