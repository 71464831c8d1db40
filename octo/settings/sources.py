"""Where settings come from: flags, environment variables, a file. Each gives values by path, named for messages."""

import json
import re
from argparse import SUPPRESS, Action, ArgumentParser, BooleanOptionalAction, Namespace, RawDescriptionHelpFormatter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import cleandoc
from pathlib import Path
from typing import Any, NoReturn

from pydantic_core import PydanticUndefined
from pydantic_settings import CliSettingsSource, EnvSettingsSource
from pydantic_settings.sources.types import EnvNoneType

from octo.errors import UsageError
from octo.settings.base import Input, JobSettings, Settings, Verbatim
from octo.settings.cluster import PromptSettings
from octo.settings.files import read_values
from octo.settings.installation import InstalledSettings
from octo.settings.table import SETTINGS_FILE, Setting, SettingPath, contains, table, value_at

RESERVED_VARIABLES = frozenset({"OCTO_TRACEPARENT"})
"""Variables of ours that are no setting: the parent of a process's spans."""

SHARED: tuple[type[Settings], ...] = (JobSettings, InstalledSettings, PromptSettings)
"""Settings of many commands, whose variables somebody may export once."""

# "null" means None on a field that can be None, and is a word like any other on the rest; the sources are told by this.
_NONE = "\0null"
# argparse drops a value that is two dashes and no more; this stands for it on the way through.
_DASHES = "\0--"

_GRAMMAR = """\
A list: repeat the flag, or separate items by commas, or give a JSON array.
A dict: NAME=VALUE,... or repeat the flag, or give a JSON object. null unsets what may be unset.
Each flag is also a variable, --s3.endpoint as OCTO_S3__ENDPOINT, and a key of --settings-file.
Flags go before variables, variables before the file, the file before the defaults."""


@dataclass(frozen=True)
class Given:
    """A value that somebody gave, and what they know it by: --workers, OCTO_WORKERS or run.yaml: workers."""

    value: object
    name: str


def from_flags(settings_class: type[Settings], arguments: Sequence[str]) -> dict[SettingPath, Given]:
    """What the flags say. `--help` prints the help and raises SystemExit(0), as argparse does."""
    source = _flag_source(settings_class, _Parser(settings_class), list(arguments))
    return _given(settings_class, source(), {setting.path: setting.flag for setting in table(settings_class)})


def from_environment(settings_class: type[Settings], environ: Mapping[str, str]) -> dict[SettingPath, Given]:
    """What the OCTO_ variables say; one that is no setting is refused with the name of the nearest.

    Those that say which store, run, installation or cluster it is may be set for all commands, and are passed over by
    the ones that have no use for them.
    """
    settings = {setting.variable: setting for setting in table(settings_class)}
    passed_over = RESERVED_VARIABLES | {setting.variable for each in SHARED for setting in table(each)}
    texts = {
        name: text
        for name, text in environ.items()
        if name.startswith("OCTO_") and (name in settings or name not in passed_over)
    }
    for name in texts:
        if name not in settings:
            raise UsageError(f"unknown variable {name}: {_suggestion(name, settings, settings_class)}")
    names = {settings[name].path: name for name in texts}
    return from_texts(settings_class, {settings[name].path: text for name, text in texts.items()}, names)


def from_texts(
    settings_class: type[Settings], texts: Mapping[SettingPath, str], names: Mapping[SettingPath, str]
) -> dict[SettingPath, Given]:
    """What texts mean as values of settings; `names` says what each is called in messages."""
    settings = {setting.path: setting for setting in table(settings_class)}
    source = EnvSettingsSource(settings_class, env_parse_none_str=_NONE)
    source.env_vars = {
        settings[path].variable.lower(): _encoded(settings[path], [text], names[path]) for path, text in texts.items()
    }
    return _given(settings_class, source(), names)


def from_file(settings_class: type[Settings], path: Path) -> dict[SettingPath, Given]:
    """What a JSON, YAML or TOML file says; a key that is no setting is refused with the name of the nearest."""
    return from_values(settings_class, read_values(path), str(path))


def from_values(settings_class: type[Settings], values: Mapping[Any, object], place: str) -> dict[SettingPath, Given]:
    """What nested values say, as in a settings file; `place` says in messages where they were found."""
    settings = {setting.path: setting for setting in table(settings_class) if setting.path != SETTINGS_FILE}
    groups = {inner[:depth] for inner in settings for depth in range(1, len(inner))}
    given: dict[SettingPath, Given] = {}
    for keys, value in _flat(values, groups):
        key = ".".join(keys)
        if keys in groups:
            raise UsageError(f"{place}: {key} is a group of settings: expected keys with values in it")
        if keys not in settings:
            near = _suggestion(key, [setting.key for setting in settings.values()], settings_class)
            raise UsageError(f"{place}: unknown key {key}: {near}")
        given[keys] = Given(value, f"{place}: {key}")
    return given


def help_text(settings_class: type[Settings]) -> str:
    """What `--help` prints."""
    return parser_of(settings_class).format_help()


def parser_of(settings_class: type[Settings]) -> ArgumentParser:
    """The parser of a command's arguments, for those who only want to know what it takes."""
    parser = _Parser(settings_class)
    _flag_source(settings_class, parser, None)
    return parser


def setting_called(settings_class: type[Settings], key: str, name: str) -> Setting:
    """The setting of that key (learning_rate, learning-rate, s3.endpoint); `name` is what the user wrote around it."""
    settings = {setting.key: setting for setting in table(settings_class)}
    found = settings.get(key.replace("-", "_"))
    if found is None:
        raise UsageError(
            f"{name}: {settings_class.verb()} has no setting {key}: {_suggestion(key, settings, settings_class)}"
        )
    return found


class _Parser(ArgumentParser):
    """argparse's parser with our errors, and with the command's own flags before those that all commands share."""

    def __init__(self, settings_class: type[Settings]) -> None:
        settings = table(settings_class)
        arguments = "".join(f" {_argument(setting)}" for setting in settings if setting.positional)
        secrets = "".join(f"\n  {setting.variable}  {_first_line(setting)}" for setting in settings if setting.secret)
        super().__init__(
            prog=f"octo {settings_class.verb()}",
            usage=f"octo {settings_class.verb()}{arguments} [flags]",
            description=cleandoc(settings_class.__doc__ or ""),
            epilog=f"secrets, from the environment or a file only:{secrets}\n\n{_GRAMMAR}" if secrets else _GRAMMAR,
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.settings_class = settings_class
        self.own = self.add_argument_group(f"settings of {settings_class.verb()}")
        self.shared = self.add_argument_group("settings shared with other commands")

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print under the whole usage."""
        message = message.removeprefix("argument ")
        if switch := re.match(r"(--\S+?)/(--no-[^\s/]+)\S*: ignored explicit argument", message):
            raise UsageError(f"{switch[1]} takes no value: say {switch[1]} or {switch[2]}")
        if missing := re.match(r"the following arguments are required: (.+)", message):
            raise UsageError(f"{missing[1]} is missing: {self.usage}")
        raise UsageError(message.replace("expected one argument", "expected a value after it"))


def _argument(setting: Setting) -> str:
    return setting.flag if setting.default is PydanticUndefined else f"[{setting.flag}]"


class _Texts(Action):
    """Takes the texts that a flag is given, each time it is given, as the one text that pydantic-settings reads."""

    def __init__(self, setting: Setting, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.setting = setting
        self.texts: list[str] = []

    def __call__(
        self, parser: ArgumentParser, namespace: Namespace, values: Any, option_string: str | None = None
    ) -> None:
        """Add what one more flag gives."""
        del parser
        self.texts.append("--" if values == _DASHES else values)
        setattr(namespace, self.dest, _encoded(self.setting, self.texts, option_string or self.setting.flag))


class _Refusal(Action):
    """A secret's flag: whoever gives it is told where the secret belongs."""

    def __init__(self, setting: Setting, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.setting = setting

    def __call__(self, *_parsed: object) -> None:
        """Refuse it, without showing it once more."""
        raise UsageError(
            f"{self.setting.flag} is a secret, and flags are seen by every user of the machine: "
            f"set {self.setting.variable} instead"
        )


def _flag_source(
    settings_class: type[Settings], parser: _Parser, arguments: list[str] | None
) -> CliSettingsSource[_Parser]:
    return CliSettingsSource(
        settings_class,
        root_parser=parser,
        cli_parse_args=arguments,
        cli_parse_none_str=_NONE,
        cli_kebab_case=True,
        cli_implicit_flags=True,
        parse_args_method=_parse,
        add_argument_method=_add_argument,
        add_argument_group_method=lambda parser, **_: parser,
    )


def _parse(parser: _Parser, arguments: Sequence[str]) -> Namespace:
    parsed, unknown = parser.parse_known_args([re.sub(r"^(--[^=]+=)--\Z", rf"\1{_DASHES}", each) for each in arguments])
    for argument in unknown:
        if argument.startswith("-"):
            settings = [setting for setting in table(parser.settings_class) if not setting.positional]
            flags = [flag for setting in settings for flag in setting.flags]
            flag = argument.partition("=")[0]
            raise UsageError(f"unknown flag {flag}: {_suggestion(flag, flags, parser.settings_class)}")
    if unknown:
        raise UsageError(
            f"unexpected argument {unknown[0]!r}: octo {parser.settings_class.verb()} --help says what fits"
        )
    return parsed


def _add_argument(parser: _Parser, *names: str, **keywords: Any) -> None:
    """Add one setting's flag; pydantic-settings names the setting, the table says the rest."""
    dest = keywords.get("dest", names[0])
    setting = next((each for each in table(parser.settings_class) if each.key == dest), None)
    if setting is None:
        # A group as a whole: its settings have flags of their own, and a secret must not slip in with it.
        return
    group = parser.shared if setting.path[0] in JobSettings.model_fields else parser.own
    # Suppressed, a flag that is not given leaves no trace; by default argparse would say None for it.
    always: dict[str, Any] = {"help": _description(setting).replace("%", "%%"), "default": SUPPRESS}
    if setting.positional:
        # One that has a default may be left out.
        count: dict[str, Any] = {} if setting.default is PydanticUndefined else {"nargs": "?"}
        group.add_argument(dest, action=_Texts, setting=setting, metavar=setting.flag, **count, **always)
    elif setting.secret:
        always["help"] = SUPPRESS
        group.add_argument(setting.flag, dest=dest, action=_Refusal, setting=setting, nargs="?", **always)
    elif setting.switch:
        group.add_argument(setting.flag, *setting.short_flags, dest=dest, action=BooleanOptionalAction, **always)
    else:
        shown = _placeholder(setting)
        group.add_argument(*setting.flags, dest=dest, action=_Texts, setting=setting, metavar=shown, **always)


def _encoded(setting: Setting, texts: Sequence[str], name: str) -> str:
    """The texts of one setting as pydantic-settings reads them: JSON for lists and dicts, the last one for the rest."""
    if setting.optional and not setting.secret and texts[-1] == "null":
        return EnvNoneType(_NONE)
    match setting.shape:
        case "many":
            verbatim = setting.marked(Verbatim)
            return json.dumps([item for text in texts for item in _items(text, name, verbatim=verbatim)])
        case "mapping":
            return json.dumps({key: value for text in texts for key, value in _entries(text, name).items()})
        case "object":
            _json(texts[-1], dict, name)
    return texts[-1]


def _items(text: str, name: str, *, verbatim: bool) -> list[object]:
    if text.startswith("["):
        return list(_json(text, list, name))
    return [text] if verbatim else [item.strip() for item in text.split(",") if item.strip()]


def _entries(text: str, name: str) -> dict[str, object]:
    if text.startswith("{"):
        return dict(_json(text, dict, name))
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if not all(separator for _, separator, _ in pairs):
        raise UsageError(f"{name}: expected NAME=VALUE,... or a JSON object, got {text!r}")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _json(text: str, kind: type[list[Any]] | type[dict[str, Any]], name: str) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = None
    if not isinstance(value, kind):
        raise UsageError(f"{name}: expected a JSON {'array' if kind is list else 'object'}, got {text!r}")
    return value


def _given(
    settings_class: type[Settings], values: Mapping[str, Any], names: Mapping[SettingPath, str]
) -> dict[SettingPath, Given]:
    found = [setting for setting in table(settings_class) if contains(values, setting.path)]
    return {
        setting.path: Given(_chosen(setting, value_at(values, setting.path)), names[setting.path]) for setting in found
    }


def _chosen(setting: Setting, value: object) -> object:
    """The choice that a text names: of Literal[2, 3], pydantic takes 3 and not "3"."""
    named = {str(choice): choice for choice in setting.choices if not isinstance(choice, str)}
    return named.get(value, value) if isinstance(value, str) else value


def _flat(
    values: Mapping[object, object], groups: Collection[SettingPath], prefix: SettingPath = ()
) -> Iterator[tuple[SettingPath, object]]:
    for name, value in values.items():
        path = (*prefix, str(name))
        if path in groups and isinstance(value, Mapping):
            yield from _flat(value, groups, path)
        else:
            yield path, value


def _suggestion(name: str, candidates: Iterable[str], settings_class: type[Settings]) -> str:
    names = list(candidates)
    in_group = [each for each in names if each.startswith((f"{name}.", f"{name}__"))]
    near = in_group or get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}?" if near else f"octo {settings_class.verb()} --help lists what there is"


def _description(setting: Setting) -> str:
    text = " ".join((setting.info.description or "").split())
    default = setting.default
    if default is PydanticUndefined:
        return text if setting.positional else f"{text} (required)"
    if setting.switch or default is None or default in ("", (), {}):
        return text
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    return f"{text} (default: {default})"


def _placeholder(setting: Setting) -> str:
    if setting.shape != "one":
        return {
            "many": "ITEM" if setting.marked(Verbatim) else "ITEM,...",
            "mapping": "NAME=VALUE,...",
            "object": "JSON",
        }[setting.shape]
    if setting.marked(Input):
        return "ADDRESS"
    kinds = [kind for kind in setting.alternatives if kind is not type(None)]
    if setting.choices:
        return "{" + ",".join(map(str, setting.choices)) + "}"
    return "|".join(_PLACEHOLDERS.get(kind, "VALUE") for kind in kinds)


_PLACEHOLDERS: dict[object, str] = {int: "INT", float: "NUMBER", str: "TEXT", Path: "PATH"}


def _first_line(setting: Setting) -> str:
    return (setting.info.description or "").split("\n", maxsplit=1)[0]
