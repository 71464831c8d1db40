"""A settings class as a flat table: one row for each value that can be set, however deep it is nested."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache, cached_property
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import CliPositionalArg

from octo.settings.base import Flag, Input, Neutral, Settings, Verbatim

POSITIONAL = get_args(CliPositionalArg[str])[1]
"""The mark that pydantic-settings puts on a field that is an argument and not a flag."""

SettingPath = tuple[str, ...]
"""Names of the nested groups, and of the field last."""

SETTINGS_FILE: SettingPath = ("settings_file",)
"""The one setting that says where others are, and cannot be among them."""


@dataclass(frozen=True)
class Setting:
    """One value that can be set; flag, variable and key of the file are three spellings of its path."""

    path: SettingPath
    info: FieldInfo
    marks: tuple[object, ...]
    """Annotations of the field, of what is inside its type, and of the groups that it is in."""
    default: object
    """PydanticUndefined when it must be given."""

    @property
    def key(self) -> str:
        """As a settings file would spell it, with dots between groups."""
        return ".".join(self.path)

    @cached_property
    def flag(self) -> str:
        """`--s3.endpoint`, or `PIPELINE` where it is an argument."""
        if self.positional:
            return self.path[-1].upper()
        own = next((mark.name for mark in self.marks if isinstance(mark, Flag) and mark.name), self.key)
        return f"--{own.replace('_', '-')}"

    @property
    def flags(self) -> tuple[str, ...]:
        """Every way to write the flag."""
        return (self.flag, *((f"--no-{self.flag[2:]}",) if self.switch else ()), *self.short_flags)

    @property
    def short_flags(self) -> tuple[str, ...]:
        """Such as -o."""
        return tuple(mark.short for mark in self.marks if isinstance(mark, Flag) and mark.short)

    @property
    def positional(self) -> bool:
        """Whether it is an argument and not a flag."""
        return POSITIONAL in self.marks

    @property
    def variable(self) -> str:
        """`OCTO_S3__ENDPOINT`."""
        return f"OCTO_{'__'.join(self.path).upper()}"

    @cached_property
    def secret(self) -> bool:
        """Whether the value must never be seen."""
        return any(part in (SecretStr, SecretBytes) for part in _parts(self.info.annotation))

    def marked(self, mark: type[Neutral | Input | Verbatim]) -> bool:
        """Whether the field, or a group that it is in, carries the mark."""
        return any(isinstance(each, mark) for each in self.marks)

    @property
    def optional(self) -> bool:
        """Whether it can be None, which is written null."""
        return NoneType in self.alternatives

    @property
    def alternatives(self) -> tuple[object, ...]:
        """The types that it may have."""
        return _alternatives(self.info.annotation)

    @cached_property
    def choices(self) -> tuple[object, ...]:
        """The values that it may have, where they are listed."""
        return tuple(choice for each in self.alternatives if get_origin(each) is Literal for choice in get_args(each))

    @property
    def switch(self) -> bool:
        """Whether it is said without a value: --debug or --no-debug."""
        return self.info.annotation is bool

    @cached_property
    def shape(self) -> Literal["one", "many", "mapping", "object"]:
        """How a text becomes its value: as it is, as items, as names with values, or as JSON."""
        origins = [get_origin(each) or each for each in self.alternatives]
        if any(_is_subclass(origin, Mapping) for origin in origins):
            return "mapping"
        if any(
            _is_subclass(origin, Sequence | AbstractSet) and not _is_subclass(origin, str | bytes) for origin in origins
        ):
            return "many"
        return "object" if any(is_group(origin) for origin in origins) else "one"


@cache
def table(settings_class: type[Settings]) -> tuple[Setting, ...]:
    """Every value of a settings class, in the order of its fields."""
    return tuple(_rows(settings_class, (), (), PydanticUndefined))


def value_at(values: object, path: SettingPath) -> Any:
    """The value at a path of nested settings, or of their dump."""
    for name in path:
        values = values[name] if isinstance(values, Mapping) else getattr(values, name)
    return values


def contains(values: Mapping[str, Any], path: SettingPath) -> bool:
    """Whether nested dicts hold a value at that path."""
    group: object = values
    for name in path:
        if not isinstance(group, Mapping) or name not in group:
            return False
        group = group[name]
    return True


def nested(flat: Mapping[SettingPath, object]) -> dict[str, Any]:
    """The inverse of a table: nested dicts from values by their path."""
    result: dict[str, Any] = {}
    for path, value in flat.items():
        group = result
        for name in path[:-1]:
            group = group.setdefault(name, {})
        group[path[-1]] = value
    return result


def is_group(annotation: object) -> TypeGuard[type[BaseModel]]:
    """Whether a field is a nested group of settings."""
    return _is_subclass(annotation, BaseModel)


def _rows(model: type[BaseModel], prefix: SettingPath, marks: tuple[object, ...], default: object) -> Iterator[Setting]:
    for name, info in model.model_fields.items():
        own_default = (
            info.get_default(call_default_factory=True) if default is PydanticUndefined else value_at(default, (name,))
        )
        own_marks = (*marks, *info.metadata, *_inner_marks(info.annotation))
        if is_group(info.annotation):
            yield from _rows(info.annotation, (*prefix, name), own_marks, own_default)
        else:
            yield Setting((*prefix, name), info, own_marks, own_default)


def _inner_marks(annotation: object) -> Iterator[object]:
    for part in _parts(annotation):
        if get_origin(part) is Annotated:
            yield from get_args(part)[1:]


def _parts(annotation: object) -> Iterator[object]:
    yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)


def _alternatives(annotation: object) -> tuple[object, ...]:
    alternatives = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return tuple(get_args(each)[0] if get_origin(each) is Annotated else each for each in alternatives)


def _is_subclass(annotation: object, parent: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, parent)
