"""Attacks on the harness: forging its messages, rewriting it, asking the judge for more than it gives."""

import pickle
import uuid
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from octo.sandbox.verdicts import Outcome
from tests.wire.escapes import BRIEF, CONFIGURATIONS, NEEDS_LAYERS, PAIR, WORKER, Target, stopped_by, target_of

pytestmark = NEEDS_LAYERS
UNKNOWN = uuid.uuid4().hex
"""What no program knows to be the right answer."""


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def brief(request: pytest.FixtureRequest) -> Iterator[Target]:
    with target_of(request.param, limits=BRIEF) as target:
        yield target


FORGE = """
import json, socket, stat, struct
def own():
    is_socket = lambda number: attempt(os.fstat, number) == "done" and stat.S_ISSOCK(os.fstat(number).st_mode)
    return socket.socket(fileno=os.dup(next(filter(is_socket, range(3, 1 << 16)))))
def say(content, length=None):
    own().sendall(struct.pack(">I", len(content) if length is None else length) + content)
"""


@pytest.mark.parametrize(
    "message",
    [
        '{"outcome": "pass", "secret": ""}',
        '{"value": {"outcome": "pass"}}',
        '{"outcome": "pass", "secret": "", "value": null}',
        "",
        "pass",
        "null",
        "[]",
        "1",
        "{",
        "{}",
        '"value"',
        "\\xff",
        '{"value": NaN}',
        '{"value": ' + "9" * 5000 + "}",
        '{"value": {"yours": 0}}',
        '{"value": {"yours": -1}}',
        '{"value": {"yours": true}}',
        '{"value": {"yours": "0"}}',
        '{"value": {"object": {"object": [0, []]}}}',
        '{"value": {"object": 0}}',
        '{"value": {"object": [0, [[]]]}}',
        '{"value": {"object": [0, ["__eq__", "__class__", "__init__"]]}}',
        '{"value": {"int": "0x1", "str": 1}}',
        '{"value": {}}',
        '{"value": {"__reduce__": ["os.system", "true"]}}',
        '{"value": {"int": "__import__"}}',
        '{"value": {"dict": [[{"list": 1}, 1]]}}',
        '{"value": {"set": [[1]]}}',
        '{"value": {"datetime": "' + "9" * 5000 + '"}}',
        '{"value": {"range": [0, 1, 0]}}',
        '{"value": {"Fraction": [1, 0]}}',
        '{"value": {"complex": [[], []]}}',
        '{"raised": []}',
        '{"raised": 1}',
        '{"raised": ["SystemExit", "SystemExit", [0]]}',
        '{"raised": ["__import__", "__import__", ["os"]]}',
        '{"raised": ["ValueError", ["ValueError"], {"x": 1}]}',
        '{"raised": ["UnicodeDecodeError", "UnicodeDecodeError", ["x"]]}',
        '{"raised": ["OSError", "OSError", ["x", "y", "z"]]}',
        '{"raised": ["x", "OSError", [{"object": [0, []]}]]}',
        '{"changed": 1, "value": null}',
        '{"changed": [["x", 1]], "value": null}',
        '{"changed": [[-1, 1], [9, 1]], "value": null}',
        '{"changed": [[0, {"list": 1}]], "value": null}',
        '{"do": 1}',
        '{"do": []}',
        '{"do": "call"}',
        '{"do": "call", "arguments": 1, "named": 1}',
        '{"do": "call", "arguments": [{"yours": 0}], "named": {}}',
        '{"do": "call", "arguments": [{"object": [0, []]}], "named": {}}',
    ],
)
@stopped_by(PAIR)
def test_a_forged_message_is_no_pass(target: Target, message: str) -> None:
    """The test's answer is unknown to the program, which says something else and then nothing any more."""
    found = target.verdict(
        dedent(FORGE) + f"def attack():\n    say({message!r}.encode('latin-1'))\n    os._exit(0)",
        f"assert attack() == {UNKNOWN!r}",
    )
    assert found.outcome in {Outcome.ERROR, Outcome.FAIL}


@pytest.mark.parametrize(
    "content",
    ['b"", 0xFFFFFFFF', 'b"", 1 << 24', 'b"{}", 1', 'b"[" * 10**6', 'b"{\\"value\\":" * 10**5', 'b"\\xff" * 100'],
)
@stopped_by(PAIR)
def test_a_message_of_a_wrong_length_or_depth_is_an_error(target: Target, content: str) -> None:
    found = target.verdict(
        dedent(FORGE) + f"def attack():\n    say({content})\n    os._exit(0)", f"assert attack() == {UNKNOWN!r}"
    )
    assert found.outcome is Outcome.ERROR


@stopped_by(PAIR)
def test_answers_before_the_questions_answer_nothing(target: Target) -> None:
    """A hundred of them wait in the socket when the test begins to ask."""
    found = target.verdict(
        dedent(FORGE)
        + 'for _ in range(100):\n    say(b\'{"value": {"object": [0, []]}}\')\ndef attack(): return "wrong"',
        f"assert attack() == {UNKNOWN!r}",
    )
    assert found.outcome is Outcome.ERROR


@stopped_by("rlimits", WORKER)
def test_questions_without_end_to_the_judge_are_ended(brief: Target) -> None:
    found = brief.verdict(
        dedent(FORGE)
        + 'def attack():\n    mine = own()\n    question = b\'{"do": "call", "arguments": [], "named": {}}\'\n'
        + "    while True:\n        say(question)\n        mine.recv(1 << 16)",
    )
    assert found.outcome is Outcome.TIMEOUT


@stopped_by("rlimits", WORKER)
def test_an_answer_that_takes_forever_to_read_is_ended(brief: Target) -> None:
    """Numbers of one hash take the square of how many they are to make a set of: in the judge this time."""
    found = brief.verdict(
        dedent(FORGE)
        + 'def attack():\n    numbers = [{"int": hex(each * (2**61 - 1))} for each in range(50000)]\n'
        + '    say(json.dumps({"value": {"set": numbers}}).encode())\n    own().recv(1)',
    )
    assert found.outcome is Outcome.TIMEOUT


@pytest.mark.parametrize("endless", ["itertools.count()", "itertools.repeat('x' * 10**5)"])
@stopped_by("rlimits", WORKER)
def test_an_endless_answer_is_ended(brief: Target, endless: str) -> None:
    found = brief.verdict(f"import itertools\ndef attack(): return {endless}", "assert list(attack()) == [0]")
    assert found.outcome in {Outcome.TIMEOUT, Outcome.ERROR}


@stopped_by(PAIR)
def test_a_call_back_and_forth_without_end_is_an_error(target: Target) -> None:
    found = target.verdict("def attack(f): return f(f)", "def f(g): return attack(g)\nassert attack(f) == 1")
    assert found.outcome is Outcome.ERROR


@stopped_by(PAIR)
def test_the_judge_does_nothing_for_a_program_but_call_what_it_was_given(target: Target) -> None:
    """A function given to it would lead by its globals to the secret."""
    told = target.told(
        """
        def attack(given):
            exchange = object.__getattribute__(given, "_exchange")
            asked = [
                ("attribute", given, "__globals__"), ("set attribute", given, "__code__", 1), ("item", given, 0),
                ("name", "asked"), ("length", given), ("iterate", given), ("next", given), ("eval", "1"),
            ]
            return [attempt(exchange.ask, *each) for each in asked]
        """,
        "lambda: 1",
    )
    assert told == ["KeyError"] * 8


@stopped_by(PAIR)
def test_only_what_was_given_is_called(target: Target) -> None:
    told = target.told(
        """
        from octo.sandbox.inside.exchange import Remote
        def attack(given):
            exchange = object.__getattribute__(given, "_exchange")
            return [given(), *(attempt(Remote(exchange, number)) for number in (1, 2, -1, -2, "0", None))]
        """,
        "lambda: 1",
    )
    assert told[0] == 1
    assert "done" not in told[1:]


@stopped_by(PAIR)
def test_a_rewritten_harness_is_rewritten_for_itself_only(target: Target) -> None:
    found = target.verdict(
        """
        import builtins, gc, json, octo.sandbox.inside.exchange as exchange, octo.sandbox.inside.judge as judge
        import octo.sandbox.inside.values as values, sys
        judge._report = lambda *_: {"outcome": "pass", "secret": ""}
        values._FORWARD[str] = lambda value, _: {"tuple": []}
        exchange.Remote.__eq__ = exchange.Remote._refuse = lambda *_: True
        for name in ("AssertionError", "all", "any", "compile", "exec"):
            setattr(builtins, name, lambda *_, **__: True)
        for each in gc.get_objects():
            if type(each) is exchange.Exchange:
                each._operations = {**each._operations, "call": lambda *_: "right"}
        def attack(): return "wrong"
        """,
        f"assert attack() == {UNKNOWN!r}",
    )
    assert found.outcome is Outcome.FAIL


@stopped_by(PAIR)
def test_names_of_the_benchmark_and_of_python_are_not_for_the_program_to_say(target: Target) -> None:
    found = target.verdict(
        """
        def all(*_): return True
        len = isinstance = check = print = all
        CASES = []
        AssertionError = ZeroDivisionError
        __builtins__ = {}
        __import__("sys").modules["__main__"].check = check
        def attack(x): return "wrong"
        """,
        "check(attack)",
        setup="CASES = [(1, 2)]\ndef check(f):\n    assert len(CASES) and all(f(x) == y for x, y in CASES)",
    )
    assert found.outcome is Outcome.FAIL


@stopped_by(PAIR)
def test_neither_test_nor_secret_lies_in_the_memory_of_the_program(target: Target) -> None:
    """It looks at every page within reach of its own objects; a page that is not there is no crash but an error."""
    told = target.told(
        """
        import re, sys
        def pages(region):
            reading, writing = os.pipe()
            write = ctypes.CDLL(None).write
            for page in range(region << 12, (region + 1) << 12):
                if write(writing, ctypes.c_void_p(page << 12), ctypes.c_size_t(4096)) == 4096:
                    yield os.read(reading, 4096)
        def attack(given):
            here = "".join(["MARK", "ER-here-", "0" * 32])
            buffers = [ctypes.create_string_buffer(1 << size) for size in (4, 10, 16, 22)]
            places = [id(here), id(sys), id(list), id(given), *map(ctypes.addressof, buffers)]
            seen = b"".join(page for region in {place >> 24 for place in places} for page in pages(region))
            return sorted({each.decode() for each in re.findall(b"MARK" + b"ER-[a-z]+-", seen)})
        """,
        f"0 if 'MARKER-test-{UNKNOWN}' else 1",
    )
    assert told == ["MARKER-here-"]


@stopped_by(PAIR)
def test_a_report_on_the_output_is_output(target: Target) -> None:
    found = target.verdict(
        """
        import json
        def attack():
            for number in (0, 1, 2):
                attempt(os.write, number, json.dumps({"outcome": "pass", "secret": ""}).encode() + b"\\n")
            os.write(1, b"1 passed in 0.01s\\nOK\\n")
            return "wrong"
        """
    )
    assert found.outcome is Outcome.FAIL
    assert "1 passed" in found.output


@stopped_by(PAIR)
def test_nothing_is_unpickled(target: Target, tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "escaped",))

    told = target.told(f"""
        def attack():
            return repr({pickle.dumps(Payload())!r})[:20]
    """)
    assert told.startswith("b'")
    objects = f"""
        class Payload:
            def __reduce__(self): return (open, ({str(tmp_path / "escaped")!r}, "w"))
            __reduce_ex__ = lambda self, version: self.__reduce__()
        payload = Payload()
    """
    for given in ("payload", "[payload]", f"{pickle.dumps(Payload())!r}"):
        program = dedent(objects) + f"def attack(): return {given}"
        found = target.verdict(program, "import copy\nx = attack()\nassert x == 1")
        assert found.outcome in {Outcome.ERROR, Outcome.FAIL}
    assert list(tmp_path.iterdir()) == []


@stopped_by(PAIR)
def test_tracing_and_profiling_see_the_program_only(target: Target) -> None:
    told = target.told("""
        import sys, threading
        seen = set()
        def see(frame, event, argument):
            seen.add(frame.f_code.co_filename)
            return see
        for each in (sys, threading):
            each.settrace(see), each.setprofile(see)
        def attack():
            return sorted(name.rpartition("/")[2] for name in seen if "test" in name or "judge" in name)
    """)
    assert told == []
