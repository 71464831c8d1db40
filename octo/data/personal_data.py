"""Personal data in a text: e-mail addresses, addresses of machines, and keys of services, found by how they look.

A mask stands where one was, and the rest of the document stays as it is. What is written to be read by people alone
(`jane at example dot org`) is not found. The time is linear in the text: each pattern is looked for only where a mark
is that it cannot be without, and looks at a bounded stretch around that.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple

from octo.settings.gates import PersonalData

_EMAIL = re.compile(
    r"(?<![\w.%+'-])[\w.%+'-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,10}(?:[^\W\d_]{2,24}|xn--[a-z0-9-]{2,50})(?![\w-])"
)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)", re.ASCII)
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:|:){3,8}(?:[0-9A-Fa-f]{1,4})?(?![\w:])", re.ASCII)
_KEYS = {
    "AKIA": r"AKIA[0-9A-Z]{16}",
    "ASIA": r"ASIA[0-9A-Z]{16}",
    "AIza": r"AIza[\w-]{35}",
    "gh": r"gh[oprsu]_[0-9A-Za-z]{36,255}",
    "github_pat_": r"github_pat_\w{22,255}",
    "glpat-": r"glpat-[\w-]{20,255}",
    "hf_": r"hf_[0-9A-Za-z]{30,255}",
    "npm_": r"npm_[0-9A-Za-z]{36,255}",
    "pypi-": r"pypi-[\w-]{50,500}",
    "sk-": r"sk-[\w-]{20,255}",
    "k_live_": r"[prs]k_live_[0-9A-Za-z]{16,255}",
    "k_test_": r"[prs]k_test_[0-9A-Za-z]{16,255}",
    "xox": r"xox[abeoprs]-[\w-]{10,255}",
    "SG.": r"SG\.[\w-]{22}\.[\w-]{43}",
    "dop_v1_": r"dop_v1_[0-9a-f]{64}",
    "eyJ": r"eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000}",
}
"""Keys of services, by what each of them must hold."""
_PRIVATE_KEY = (
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^-]|-(?!----)){0,20000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
)
_KEY = {
    mark: re.compile(rf"(?<![0-9A-Za-z_])(?:{pattern})(?![0-9A-Za-z_])", re.ASCII) for mark, pattern in _KEYS.items()
} | {"PRIVATE KEY-----": re.compile(_PRIVATE_KEY)}


class _Kind(NamedTuple):
    """How personal data of one kind is found and what stands in its place."""

    mask: str
    patterns: Mapping[str, re.Pattern[str]]
    """By what a text must hold for each to be in it."""
    is_one: Callable[[str], bool] = lambda _: True
    """Asked of what looks like it."""


def masked(text: str, kinds: Sequence[PersonalData]) -> tuple[str, Mapping[str, int]]:
    """The text with a mask where there was personal data of these kinds, and how often there was, by kind."""
    found = Counter[str]()
    for name in kinds:
        kind = _KINDS[name]
        for mark, pattern in kind.patterns.items():
            if mark in text:
                text, count = _replaced(text, pattern, kind)
                found[name] += count
    return text, +found


def masked_metadata(metadata: str, kinds: Sequence[PersonalData]) -> str:
    """The same of every text in a JSON object; the names of its fields stay."""
    if not any(mark in metadata for name in kinds for mark in _KINDS[name].patterns):
        return metadata
    fields = json.loads(metadata)
    cleaned = _cleaned(fields, kinds)
    return metadata if cleaned == fields else json.dumps(cleaned, sort_keys=True)


def _cleaned(value: object, kinds: Sequence[PersonalData]) -> object:
    match value:
        case str():
            return masked(value, kinds)[0]
        case dict():
            return {name: _cleaned(each, kinds) for name, each in value.items()}
        case list():
            return [_cleaned(each, kinds) for each in value]
    return value


def _replaced(text: str, pattern: re.Pattern[str], kind: _Kind) -> tuple[str, int]:
    count = 0

    def replacement(match: re.Match[str]) -> str:
        nonlocal count
        if not kind.is_one(match[0]):
            return match[0]
        count += 1
        return kind.mask

    return pattern.sub(replacement, text), count


def _is_global(address: str) -> bool:
    """Whether it is the address of one machine among all: not of a local network, nor of documentation."""
    try:
        return (IPv6Address(address) if ":" in address else IPv4Address(address)).is_global
    except AddressValueError:
        return False


_KINDS: Mapping[PersonalData, _Kind] = {
    "email": _Kind("<EMAIL>", {"@": _EMAIL}),
    "ip": _Kind("<IP_ADDRESS>", {".": _IPV4, ":": _IPV6}, _is_global),
    "key": _Kind("<KEY>", _KEY),
}
