"""The code of installed packages, function by function."""

import ast
from pathlib import Path

import pytest

from octo.data.documents import Document, Rejected
from octo.data.python_code import MAX_CHARACTERS, MIN_CHARACTERS, functions, read_functions
from octo.errors import UsageError

MODULE = '''
"""A module."""
import functools

LIMIT = 3


@functools.cache
def first(x):
    """Do it."""
    def inner():
        return x
    return inner()


class Box:
    size = 1

    def get(self):
        return self.size

    @property
    async def later(self):
        return 1

if LIMIT:
    def hidden(): ...
'''


def test_functions_and_methods_are_taken_whole_and_moved_to_the_margin() -> None:
    found = dict(functions(MODULE))
    assert list(found) == ["first", "Box.get", "Box.later"]
    assert found["first"].startswith('@functools.cache\ndef first(x):\n    """Do it."""\n    def inner():\n')
    assert found["Box.get"] == "def get(self):\n    return self.size\n"
    assert found["Box.later"].startswith("@property\nasync def later(self):\n")


def test_every_function_of_the_standard_library_is_python_by_itself() -> None:
    documents = [each for each in read_functions("json", label="code") if isinstance(each, Document)]
    assert len(documents) > 20
    for document in documents:
        assert MIN_CHARACTERS <= len(document.text) <= MAX_CHARACTERS
        ast.parse(document.text)
    assert documents[0].url.startswith("code:json/")


def test_a_file_that_is_no_python_is_rejected_and_the_others_are_read(tmp_path: Path, monkeypatch) -> None:
    package = tmp_path / "halfbroken"
    package.mkdir()
    (package / "__init__.py").write_text(MODULE)
    (package / "broken.py").write_text("def (:\n")
    (package / "latin.py").write_bytes(b"# \xe9\n")
    monkeypatch.syspath_prepend(tmp_path)
    read = list(read_functions("halfbroken", label="code"))
    assert [each.reason for each in read if isinstance(each, Rejected)] == ["malformed_python", "invalid_utf8"]
    assert [each.url for each in read if isinstance(each, Document)] == ["code:halfbroken/__init__.py#first"]


def test_a_compiled_module_has_no_code() -> None:
    with pytest.raises(UsageError, match="the module math is compiled and has no code to read"):
        list(read_functions("math", label="code"))
