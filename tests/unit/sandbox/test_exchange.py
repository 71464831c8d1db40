"""A test and a program speak over one socket, and the test believes nothing but data."""

import copy
import json
import pickle
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from octo.sandbox.inside.exchange import CALLS, EVERYTHING, Exchange, GoneError, Remote
from octo.sandbox.inside.values import NotDataError

LARGEST = 1 << 20


class Node:
    def __init__(self, value: int) -> None:
        self.value = value
        self.left: Node | None = None

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return 3

    def __getitem__(self, key: object) -> object:
        return key

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return f"Node({self.value})"


def raising(kind: type[Exception]) -> Callable[..., object]:
    def raises(*arguments: object) -> object:
        raise kind(*arguments)

    return raises


PROGRAM = {
    "double": lambda x: 2 * x,
    "apply": lambda function, values: [function(value) for value in values],
    "count": lambda limit: (value for value in range(limit)),
    "Node": Node,
    "tree_sum": lambda node: node.value + (PROGRAM["tree_sum"](node.left) if node.left else 0),
    "open": open,
    "fail": raising(ValueError),
    "stop": raising(StopIteration),
    "fail as MineError": raising(type("MineError", (KeyError,), {})),
    "miss": lambda: {}["missing"],
    "divide": lambda a, b: a / b,
    "append": lambda values: values.append(4),
    "clear": lambda values: values.clear(),
    "swap": lambda pair: pair.rotate(1),
    "nothing": None,
}


@contextmanager
def program_at_the_other_end(program: Mapping[str, object] = PROGRAM) -> Iterator[Exchange]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        operations = {**EVERYTHING, "name": program.__getitem__}
        other = Exchange(theirs, largest=LARGEST, operations=operations)
        thread = threading.Thread(target=other.serve)
        thread.start()
        yield Exchange(ours, largest=LARGEST, operations=CALLS)
        ours.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def program() -> Iterator[Callable[[str], object]]:
    with program_at_the_other_end() as exchange:
        yield lambda name: exchange.ask("name", name)


def test_a_function_is_called_and_its_value_comes_back(program) -> None:
    assert program("double")(21) == 42
    assert program("double")([1]) == [1, 1]
    assert program("nothing") is None


def test_a_function_that_the_test_passes_is_called_back(program) -> None:
    assert program("apply")(lambda value: value + 1, [1, 2]) == [2, 3]


def test_a_generator_is_iterated_where_it_is(program) -> None:
    assert list(program("count")(3)) == [0, 1, 2]
    assert 2 in program("count")(3)
    assert 7 not in program("count")(3)


def test_objects_of_the_program_can_be_built_and_given_back(program) -> None:
    root = program("Node")(1)
    root.left = program("Node")(2)
    assert root.left.value == 2
    assert program("tree_sum")(root) == 3
    assert root["key"] == "key"
    assert len(root) == 3


@pytest.mark.parametrize("compares", [lambda node: node == 1, lambda node: node <= 1, bool, lambda node: node != 1])
def test_an_object_of_the_program_is_never_equal_nor_true(program, compares) -> None:
    with pytest.raises(NotDataError, match="only data can be compared"):
        compares(program("Node")(1))


def test_what_the_program_does_to_an_argument_is_seen(program) -> None:
    values, mapping, pair = [1, 2, 3], {"a": 1}, deque([1, 2])
    program("append")(values)
    program("clear")(mapping)
    program("swap")(pair)
    assert (values, mapping, pair) == ([1, 2, 3, 4], {}, deque([2, 1]))


def sort_rows(table: tuple[list[int], ...]) -> None:
    for row in table:
        row.sort()


def put_into_itself(value: list[object]) -> list[object]:
    value.append(value)
    return value


def deal(hands: list[list[int]], *, card: int) -> list[int]:
    hands[0].append(card)
    hands.append([card])
    return hands[-1]


def replace_in(holder: dict[str, list[int]]) -> list[int]:
    old = holder["row"]
    old.append(1)
    holder["row"] = [2]
    return old


def spoil(values: list[list[int]]) -> None:
    values[0].append(9)
    raise ValueError(values)


def same_objects(values: object, met: list[object]) -> object:
    """The structure of lists and dictionaries, with the place of the first meeting for each that is met again."""
    if not isinstance(values, list | dict | tuple):
        return values
    for place, value in enumerate(met):
        if value is values:
            return f"as {place}"
    met.append(values)
    parts = values.items() if isinstance(values, dict) else values
    return type(values).__name__, [same_objects(part, met) for part in parts]


def shared_row() -> list[list[int]]:
    row = [1]
    return [row, row]


@pytest.mark.parametrize(
    ("function", "arguments", "named"),
    [
        (sort_rows, lambda: [([3, 1], [2, 1])], {}),
        (put_into_itself, lambda: [[1]], {}),
        (deal, lambda: [shared_row()], {"card": 7}),
        (deal, lambda: [[[1], [1]]], {"card": 7}),
        (replace_in, lambda: [{"row": [0]}], {}),
        (list, lambda: [shared_row()], {}),
        (tuple, lambda: [shared_row()], {}),
        (copy.deepcopy, lambda: [shared_row()], {}),
        (lambda first, second: first is second, shared_row, {}),
        (lambda value: value, lambda: [[1]], {}),
        (lambda value: [value, [value]], lambda: [{}], {}),
        (spoil, lambda: [[[1]]], {}),
    ],
)
def test_what_is_one_object_is_told_as_it_would_be_without_a_sandbox(function, arguments, named) -> None:
    def told(call: Callable[..., object], given: list[object]) -> object:
        try:
            value = call(*given, **named)
        except ValueError as error:
            value = type(error).__name__
        return same_objects([given, value], [])

    with program_at_the_other_end({"function": function}) as exchange:
        assert told(exchange.ask("name", "function"), arguments()) == told(function, arguments())


def test_an_object_of_the_program_has_one_handle() -> None:
    node = Node(1)
    with program_at_the_other_end({"node": lambda: node, "another": lambda: Node(1)}) as exchange:
        first, second = (exchange.ask("name", "node")() for _ in range(2))
        assert first is second
        assert exchange.ask("name", "another")() is not first


def test_built_in_errors_are_raised_as_what_they_are(program) -> None:
    with pytest.raises(ZeroDivisionError):
        program("divide")(1, 0)
    with pytest.raises(KeyError) as caught:
        program("miss")()
    assert caught.value.args == ("missing",)


def test_an_error_has_the_arguments_that_it_was_made_with(program) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere") as caught:
        program("open")("nowhere")
    assert (caught.value.errno, caught.value.filename) == (2, "nowhere")
    with pytest.raises(ValueError, match="some") as some:
        program("fail")("some", (1, 2))
    assert some.value.args == ("some", (1, 2))


def test_an_error_of_the_programs_own_is_of_the_built_in_kind_that_it_is_of(program) -> None:
    with pytest.raises(LookupError, match="no") as caught:
        program("fail as MineError")("no")
    assert type(caught.value).__name__ == "MineError"


@pytest.mark.parametrize(
    "known", ["SystemExit", "KeyboardInterrupt", "BaseException", "GeneratorExit", "StopIteration"]
)
def test_no_error_that_would_end_the_test_is_raised_for_the_program(known) -> None:
    with hostile_end([{"raised": [known, known, [0]]}]) as exchange, pytest.raises(Exception, match="0") as caught:
        exchange.ask("name", "f")
    assert type(caught.value).__mro__[1:] == Exception.__mro__


def test_the_program_can_end_its_own_iteration_and_no_other(program) -> None:
    assert list(program("count")(2)) == [0, 1]
    with pytest.raises(Exception, match="early") as caught:
        program("stop")("early")
    assert not isinstance(caught.value, StopIteration)


def test_an_object_of_the_program_says_what_it_is(program) -> None:
    root = program("Node")(1)
    assert (str(root), repr(root), f"{root}", program("Node").__name__) == ("1", "Node(1)", "1", "Node")


def test_the_end_of_the_program_is_noticed() -> None:
    with hostile_end([]) as exchange, pytest.raises(GoneError):
        exchange.ask("name", "f")


@pytest.mark.parametrize(
    "answer",
    [
        5,
        None,
        {},
        {"value": {"tuple": 5}},
        {"value": {"yours": 0}},
        {"value": {"yours": -1}},
        {"value": {"yours": "0"}},
        {"value": 1, "changed": [[5, 1]]},
        {"value": 1, "changed": 5},
        {"value": 1, "changed": [["0", 1]]},
        {"raised": 5},
        {"raised": ["ValueError"]},
        {"raised": ["ValueError", "ValueError", 5]},
        {"raised": ["ValueError", "print", []]},
        {"raised": ["ValueError", "no such name", []]},
        {"raised": [5, "ValueError", []]},
        {"raised": ["a\0b", "ValueError", []]},
        {"raised": ["ValueError", "ValueError", [{"object": [0, []]}]]},
        {"value": {"object": 0}},
        {"value": {"object": [0, 5]}},
    ],
)
def test_a_malformed_answer_is_no_value(answer) -> None:
    with hostile_end([answer]) as exchange, pytest.raises(NotDataError):
        exchange.ask("name", "f")


@pytest.mark.parametrize(
    "words", [b"\xff\xff\xff\xff", struct.pack(">I", 3) + b"{}}", struct.pack(">I", 2) + b"\xff\xfe"]
)
def test_bytes_that_are_no_message_are_refused(words) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(words)
        with pytest.raises(NotDataError):
            Exchange(ours, largest=LARGEST, operations=CALLS).receive()


def test_nesting_without_end_is_refused() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        content = b"[" * 100_000 + b"]" * 100_000
        theirs.sendall(struct.pack(">I", len(content)) + content)
        with pytest.raises(NotDataError):
            Exchange(ours, largest=LARGEST, operations=CALLS).receive()


@pytest.mark.parametrize(
    "asked",
    [
        {"do": "attribute", "arguments": [{"yours": 0}, "__globals__"], "named": {}},
        {"do": "set attribute", "arguments": [{"yours": 0}, "__code__", 1], "named": {}},
        {"do": "name", "arguments": ["secret"], "named": {}},
        {"do": "item", "arguments": [{"yours": 0}, 0], "named": {}},
        {"do": "call", "arguments": [{"yours": 5}], "named": {}},
        {"do": "call", "arguments": [{"yours": True}], "named": {}},
        {"do": "call", "arguments": ["print"], "named": {}},
    ],
)
def test_the_program_can_have_nothing_done_but_calls_of_what_it_was_passed(asked) -> None:
    answers: list[object] = []
    with hostile_end([asked, {"value": None}], heard=answers) as exchange:
        exchange.ask("call", 1, lambda: "passed")
    assert "raised" in answers[1]


@contextmanager
def hostile_end(words: list[object], heard: list[object] | None = None) -> Iterator[Exchange]:
    """An exchange whose other end hears one message before each of its words, and then ends."""
    ours, theirs = socket.socketpair()
    heard = [] if heard is None else heard

    def speak() -> None:
        other = Exchange(theirs, largest=LARGEST, operations={})
        with theirs:
            for each in words:
                heard.append(other.receive())
                content = json.dumps(each).encode()
                theirs.sendall(struct.pack(">I", len(content)) + content)

    thread = threading.Thread(target=speak)
    with ours:
        thread.start()
        yield Exchange(ours, largest=LARGEST, operations=CALLS)
        thread.join()


def test_a_handle_keeps_its_own_attributes_to_itself(program) -> None:
    node = program("Node")(1)
    assert isinstance(node, Remote)
    assert node.__dict__ == {"value": 1, "left": None}
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(node)
