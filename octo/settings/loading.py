"""Settings from flags, environment and file, and back: what of them determines a result, and how to say them again."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretBytes, SecretStr, ValidationError
from pydantic_core import ErrorDetails, PydanticUndefined

from octo.errors import UsageError
from octo.settings.base import Input, Neutral, Settings
from octo.settings.sources import (
    Given,
    from_environment,
    from_file,
    from_flags,
    from_texts,
    from_values,
    setting_called,
)
from octo.settings.table import SETTINGS_FILE, Setting, SettingPath, nested, table, value_at

S = TypeVar("S", bound=Settings)


def load(
    settings_class: type[S],
    arguments: Sequence[str],
    environ: Mapping[str, str],
    *,
    site: Callable[[S], Mapping[str, object]] | None = None,
) -> S:
    """The settings that a command was given.

    Flags go before the environment, the environment before the settings file, the file before the site's settings, and
    these before the defaults. `site` gives the site's, nested as a file's, once everything else is known.
    `--help` prints the help and raises SystemExit(0).

    Raises:
        UsageError: one sentence that names what was given, where, and what was expected.
    """
    flags = from_flags(settings_class, arguments)
    variables = from_environment(settings_class, environ)
    stated = variables | flags
    named = stated.get(SETTINGS_FILE)
    filed = from_file(settings_class, Path(str(named.value))) if named and named.value is not None else {}
    settings = _validated(settings_class, filed | stated)
    if site is None or not (values := site(settings)):
        return settings
    return _validated(settings_class, from_values(settings_class, values, "the site's settings") | filed | stated)


def with_texts(settings: S, texts: Mapping[str, str], *, prefix: str = "--") -> S:
    """The settings with some values replaced, written as on the command line.

    Args:
        settings: where every other value is taken from.
        texts: by key: learning_rate or s3.endpoint.
        prefix: what stands before a key in messages, such as `--set stable.`.
    """
    found = {key: setting_called(type(settings), key, f"{prefix}{key}") for key in texts}
    for key, setting in found.items():
        if setting.secret:
            raise UsageError(f"{prefix}{key} is a secret: set {setting.variable} instead")
    names = {setting.path: f"{prefix}{key}" for key, setting in found.items()}
    changed = from_texts(type(settings), {setting.path: texts[key] for key, setting in found.items()}, names)
    kept = {setting.path: value_at(settings, setting.path) for setting in table(type(settings))}
    return _validated(type(settings), {path: Given(value, ".".join(path)) for path, value in kept.items()} | changed)


def result_settings(settings: Settings) -> dict[str, Any]:
    """The settings that can change a result, as JSON: without neutral fields, inputs and secrets."""
    dumped = settings.model_dump(mode="json")
    return nested(
        {
            setting.path: value_at(dumped, setting.path)
            for setting in table(type(settings))
            if not (setting.secret or setting.marked(Neutral) or setting.marked(Input))
        }
    )


def inputs_of(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The addresses in each field that holds some; a field without any is there, and empty."""
    given = {
        setting.key: value_at(settings, setting.path) for setting in table(type(settings)) if setting.marked(Input)
    }
    return {
        key: tuple(address for address in ((value,) if isinstance(value, str) else value or ()) if address)
        for key, value in given.items()
    }


def arguments_of(settings: Settings) -> list[str]:
    """The flags that say these settings again, without defaults, and without secrets (see `secrets_of`).

    Nor the settings file: what it said is among the flags, and must not be heard where a default took its place.
    """
    dumped = settings.model_dump(mode="json")
    return [
        _argument(setting, value_at(dumped, setting.path))
        for setting in sorted(table(type(settings)), key=lambda setting: not setting.positional)
        if not setting.secret and setting.path != SETTINGS_FILE and value_at(settings, setting.path) != setting.default
    ]


def secrets_of(settings: Settings) -> dict[str, str]:
    """The environment variables that say these settings' secrets again, for a child process's environment."""
    secrets = {
        setting.variable: value_at(settings, setting.path) for setting in table(type(settings)) if setting.secret
    }
    return {variable: _revealed(value) for variable, value in secrets.items() if value is not None}


def schema(settings_class: type[Settings]) -> dict[str, Any]:
    """JSON schema of a settings file; docstrings are its descriptions."""
    return settings_class.model_json_schema()


def _validated(settings_class: type[S], given: Mapping[SettingPath, Given]) -> S:
    # A group given in part keeps the class's defaults for the rest, not those of the group's own class.
    groups = {path[0] for path in given if len(path) > 1}
    defaults = {
        setting.path: setting.default
        for setting in table(settings_class)
        if len(setting.path) > 1 and setting.path[0] in groups and setting.default is not PydanticUndefined
    }
    try:
        return settings_class.model_validate(nested(defaults | {path: each.value for path, each in given.items()}))
    except ValidationError as error:
        raise UsageError(_sentence(settings_class, error.errors()[0], given)) from None


def _sentence(settings_class: type[Settings], error: ErrorDetails, given: Mapping[SettingPath, Given]) -> str:
    """One validation error in terms of what the user wrote."""
    place = tuple(str(part) for part in error["loc"])
    setting = next((each for each in table(settings_class) if place[: len(each.path)] == each.path), None)
    expected = _expectation(error)
    if setting is None:
        return f"octo {settings_class.verb()}: {expected}"
    if error["type"] == "missing" and setting.path not in given:
        return f"{setting.flag} is missing: give it, or set {setting.variable}"
    name = given[setting.path].name if setting.path in given else setting.flag
    if setting.secret or "got " in expected:
        return f"{name}: {expected}"
    return f"{name}: {expected}, got {error['input']!r:.200}"


def _expectation(error: ErrorDetails) -> str:
    """`expected a valid integer` from `Input should be a valid integer, unable to parse string as an integer`."""
    if error["type"] in ("value_error", "assertion_error"):
        return error["msg"].partition(", ")[2]
    wanted = error["msg"].removeprefix("Input should be ")
    if wanted == error["msg"]:
        return wanted[:1].lower() + wanted[1:]
    if wanted.startswith(("greater", "less")):
        wanted = f"a value {wanted}"
    return f"expected {wanted if error['type'] == 'literal_error' else wanted.partition(', ')[0]}"


def _argument(setting: Setting, value: object) -> str:
    # One token each, so that a value that starts with a dash is never taken for a flag.
    if setting.positional:
        return str(value)
    if setting.switch:
        return setting.flags[0] if value else setting.flags[1]
    if isinstance(value, str):
        return f"{setting.flag}={value}"
    return f"{setting.flag}={json.dumps(value, ensure_ascii=False)}"


def _revealed(secret: object) -> str:
    value = secret.get_secret_value() if isinstance(secret, SecretStr | SecretBytes) else secret
    return value.decode() if isinstance(value, bytes) else str(value)
