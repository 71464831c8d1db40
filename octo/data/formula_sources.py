"""Where pages keep the TeX of a formula: scripts, attributes, alternative texts, and the addresses of images."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus, urlsplit

from octo.data.html_tokens import attributes

_RENDERED = re.compile(
    r"(?:^|\s)(?:MathJax(?:_Display|_SVG|_SVG_Display|_CHTML|_Preview)?|MJXc-display|mjx-chtml|katex-html)(?=\s|$)"
)
"""Classes of elements that MathJax and KaTeX have made to be seen, or that are seen before they have."""
_TEX_ATTRIBUTES = ("data-latex", "data-tex")
_WEAK_ATTRIBUTES = ("data-formula", "data-math", "data-equation", "data-value", "data-expr")
"""Attributes that hold TeX in elements whose class says formula."""
_FORMULA_CLASS = re.compile(r"(?:^|[\s_-])(?:formula|math|tex|latex|katex|equation)", re.IGNORECASE)
_IMAGE_CLASS = re.compile(
    r"(?:^|\s)(?:tex|latex|wp-latex|mwe-math-fallback-image-(?:inline|display)|wirisformula|texrender|latexrender)(?=\s|$)",
    re.IGNORECASE,
)
"""Classes of images that are formulas and nothing else."""
_IMAGE_ADDRESS = re.compile(
    r"(?:latex\.codecogs\.com|/latex\.php|/(?:mimetex|mathtex)(?:\.cgi)?\?|[?&]cht=tx|/latexrender/|/texer?/|/equation\?tex=)",
    re.IGNORECASE,
)
"""Addresses of images that are made of TeX."""
_TEX_FIELDS = ("latex", "tex", "chl", "eq", "formula")
_COMMAND = re.compile(r"\\[a-zA-Z]{2,}")
_TEX_LIKE = re.compile(r"\\[a-zA-Z]|[\^_{}=<>+]|[a-zA-Z]\(")
_DELIMITED = re.compile(r"(\$\$?|\\\(|\\\[|\{\\(?:display|text)style\b)(.*)(\$\$?|\\\)|\\\]|\})", re.DOTALL)
_CLOSING = {"$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]"}
_HIDDEN = "<![CDATA["
_MOST_AROUND = 4
_LAYOUT = re.compile(r"^(?:\\(?:inline|large|LARGE|huge|small|tiny|bg_\w+|fg_\w+|dpi\s*\{\d+\}|fn_\w+)\s*)+")
"""What a service that draws formulas is told besides."""
_NO_WORDS = {
    "",
    "image",
    "math",
    "formula",
    "equation",
    "latex",
    "tex",
    "img",
    "inline formula",
    "\\",
    "display formula",
}
"""Alternative texts that say that there is a formula, and not which."""
_WIRIS = str.maketrans({"«": "<", "»": ">", "¨": '"', "§": "&"})


class SourceOf(NamedTuple):
    """What an image or a script says of a formula."""

    tex: str = ""
    mathml: str = ""
    ascii_math: str = ""
    is_display: bool = False
    missing: str = ""
    """What it is that holds nothing."""


def of_script(source: str) -> SourceOf | None:
    """The formula in a script, out of its tag and what it holds; None for a program."""
    tag, _, content = source.partition(">")
    kind = attributes(tag).get("type", "").lower() if "math" in tag else ""
    if not kind.startswith("math/") or not content.strip():
        return None
    is_display = "display" in kind
    if kind.startswith("math/tex"):
        return SourceOf(tex=bare(content), is_display=is_display)
    if kind.startswith("math/mml"):
        return SourceOf(mathml=content)
    return SourceOf(ascii_math=content.strip()) if kind.startswith("math/asciimath") else None


def of_image(tag: str) -> SourceOf | None:
    """The formula that an image shows; None for another picture."""
    given = attributes(tag)
    classes, address = given.get("class", ""), given.get("src", "") or given.get("data-src", "")
    alt = given.get("alt", "").strip()
    is_display = "isplay" in classes
    if given.get("data-mathml"):
        return SourceOf(mathml=given["data-mathml"].translate(_WIRIS))
    held = next((given[name] for name in _TEX_ATTRIBUTES if given.get(name)), "")
    if held:
        return SourceOf(tex=bare(held), is_display=is_display)
    is_formula = bool(_IMAGE_CLASS.search(classes) or _IMAGE_ADDRESS.search(address))
    looks_so = bool(_FORMULA_CLASS.search(classes)) and bool(_TEX_LIKE.search(alt))
    if is_formula or looks_so or _is_tex(alt):
        tex = bare(alt) if alt.lower() not in _NO_WORDS and "://" not in alt else ""
        tex = tex or (_tex_of_address(address) if is_formula else "")
        return SourceOf(tex=tex, is_display=is_display, missing=address or classes)
    return None


def is_rendered(name: str, given: Mapping[str, str]) -> bool:
    """Whether an element is what MathJax or KaTeX show of a formula."""
    return name == "mjx-container" or (name in {"span", "div"} and bool(_RENDERED.search(given.get("class", ""))))


def of_attributes(given: Mapping[str, str]) -> str:
    """The TeX that an element has in an attribute; empty for none."""
    for name in _TEX_ATTRIBUTES:
        if given.get(name, "").strip():
            return bare(given[name])
    if _FORMULA_CLASS.search(given.get("class", "")):
        found = next((given[name] for name in _WEAK_ATTRIBUTES if given.get(name, "").strip()), "")
        return bare(found)
    return ""


def bare(tex: str) -> str:
    """TeX without what stands around it: delimiters, a style, the marks that hide it from a parser of XML."""
    tex = tex.strip()
    for mark in ("%", "//", "<![CDATA["):
        tex = tex.removeprefix(mark).lstrip() if _HIDDEN in tex else tex
    if tex.endswith("]]>"):
        tex = tex.removesuffix("]]>").rstrip().removesuffix("//").removesuffix("%").rstrip()
    for _ in range(_MOST_AROUND):
        found = _DELIMITED.fullmatch(tex)
        if found is None or not _is_around(found):
            break
        tex = found[2].strip()
    # An empty line ends a paragraph, and a formula has none; without a comment, lines mean nothing.
    return ("\n" if "%" in tex else " ").join(filter(None, map(str.strip, tex.split("\n"))))


def _is_around(found: re.Match[str]) -> bool:
    """Whether what a formula begins with is closed at its end and not before."""
    if found[1].startswith("{"):
        return _is_balanced(found[2])
    return found[3] == _CLOSING[found[1]] and found[1] not in found[2]


def _is_balanced(tex: str) -> bool:
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", tex):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def _is_tex(alt: str) -> bool:
    """Whether an alternative text can be nothing but TeX."""
    found = _DELIMITED.fullmatch(alt)
    if found and (found[1].startswith("{") or found[3] == _CLOSING[found[1]]):
        return bool(found[1] != "$" or _TEX_LIKE.search(found[2]) or len(found[2]) <= 2)
    return bool(_COMMAND.search(alt)) and any(mark in alt for mark in "{^_")


def _tex_of_address(address: str) -> str:
    query = urlsplit(address.replace("#", "%23")).query
    # Of fields first: a formula may have a sign of equality of its own.
    for part in query.split("&"):
        name, given, value = part.partition("=")
        if given and name.lower() in _TEX_FIELDS:
            return bare(unquote_plus(value))
    whole = unquote(query) or unquote(address.rpartition("/")[2])
    return bare(_LAYOUT.sub("", whole)) if _TEX_LIKE.search(whole) else ""
