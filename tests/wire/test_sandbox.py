"""The sandbox as its users see it: a program, tests, and what each of them says."""

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from octo.errors import UsageError
from octo.sandbox import layers
from octo.sandbox.layers import Layers, offered
from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Limits, Outcome, Task, Verdict

LIMITS = Limits(cpu_seconds=20, wall_seconds=300, memory_mib=256, disk_mib=8)
"""Time for everything but what never ends: how busy the machine is changes no verdict."""
IMPATIENT = dataclasses.replace(LIMITS, cpu_seconds=1)
"""For what computes for ever."""
pytestmark = pytest.mark.skipif(not offered().sufficient, reason=f"this machine lacks layers: {offered().lacking}")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2, limits=LIMITS) as made:
        yield made


@pytest.fixture(scope="module")
def impatient() -> Iterator[Sandbox]:
    with Sandbox(workers=2, limits=IMPATIENT) as made:
        yield made


def outcomes(verdict: Verdict) -> list[str]:
    return [test.outcome.value for test in verdict.tests]


def test_each_test_has_a_verdict_of_its_own_and_a_slow_one_voids_no_other(impatient: Sandbox) -> None:
    program = """
def f(x):
    while x == 3:
        pass
    return x + 1 if x else [][0]
"""
    tests = ("assert f(1) == 2", "assert f(1) == 5", "assert f(0) == 1", "f(3)", "assert f(7) == 8", "f(")
    verdict = impatient.judge(Task(program, tests))
    assert outcomes(verdict) == ["pass", "fail", "error", "timeout", "pass", "error"]
    assert [test.detail for test in verdict.tests[1:4]] == [
        "AssertionError in: assert f(1) == 5",
        "IndexError: list index out of range in: assert f(0) == 1",
        "used up its 1 s of processor time",
    ]
    assert verdict.pass_rate == 2 / 6
    assert verdict.reached
    assert not verdict.passed


def test_a_program_that_waits_is_stopped_by_the_clock() -> None:
    with Sandbox(limits=dataclasses.replace(LIMITS, wall_seconds=0.5)) as sandbox:
        verdict = sandbox.judge(Task("import time\ndef f(): time.sleep(600)", ("f()",)))
    assert [(test.outcome, test.detail) for test in verdict.tests] == [(Outcome.TIMEOUT, "no answer within 0.5 s")]


@pytest.mark.parametrize(
    ("program", "detail"),
    [
        ("def f(:", "SyntaxError"),
        ("raise ValueError('no')", "ValueError: no"),
        ("import sys; sys.exit(0)", "the program ended before it answered: exit code 0"),
        ("import os; os._exit(3)", "the program ended before it answered: exit code 3"),
        ("import ctypes; ctypes.string_at(0)", "the program ended before it answered: ended by SIGSEGV"),
        ("x = 'a' * 10**9", "MemoryError"),
        ("open('big', 'wb').write(bytes(20 << 20))", "OSError: [Errno 27] File too large"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("import pydantic", "ModuleNotFoundError"),
        ("def g(): pass", "NameError: name 'f' is not defined"),
        ("def f(): return f()", "RecursionError"),
    ],
)
def test_what_is_wrong_with_a_program_is_said(sandbox: Sandbox, program: str, detail: str) -> None:
    verdict = sandbox.judge(Task(program, ("assert f() == 1",)))
    assert outcomes(verdict) == ["error"]
    assert detail in verdict.tests[0].detail


@pytest.mark.parametrize("test", ["assert f() == 1", "assert f() == 2", "f() + 'one'"])
def test_too_much_left_is_said_however_soon_the_program_ends_and_whatever_it_answers(
    sandbox: Sandbox, test: str
) -> None:
    program = "def f():\n    for name in 'abc':\n        open(name, 'wb').write(bytes(3 << 20))\n    return 1"
    (found,) = sandbox.judge(Task(program, (test,))).tests
    assert (found.outcome, found.detail) == (Outcome.ERROR, "left more than 8 MiB or 1024 files")


def test_one_file_as_large_as_the_disk_may_be_left(sandbox: Sandbox) -> None:
    program = "open('all', 'wb').write(bytes(8 << 20))\ndef f(): return 1"
    assert outcomes(sandbox.judge(Task(program, ("assert f() == 1",)))) == ["pass"]


def test_no_test_sees_what_another_has_done(sandbox: Sandbox) -> None:
    program = "seen = []\ndef f():\n    seen.append(1)\n    open('left', 'a').write('x')\n    return len(seen)"
    tests = ("assert f() == 1 and f() == 2", "assert f() == 1", "import os\nassert f() == 1 and 'left' in os.listdir()")
    assert outcomes(sandbox.judge(Task(program, tests * 3))) == ["pass"] * 9


def test_names_are_the_setups_unless_they_are_said_to_be_the_programs(sandbox: Sandbox) -> None:
    setup = "import math\ndef helper(x): return x + 1\ndef f(x): '''to be written'''"
    program = "def helper(x): return 99\ndef f(x): return x * 2"
    test = ("assert f(2) == 4 and helper(1) == 2 and math.pi > 3",)
    assert outcomes(sandbox.judge(Task(program, test, setup=setup, names=("f",)))) == ["pass"]
    assert outcomes(sandbox.judge(Task(program, test, setup=setup))) == ["fail"]


def test_a_programs_own_abs_does_not_replace_pythons(sandbox: Sandbox) -> None:
    program = "def abs(x): return 0\ndef f(): return 5"
    assert outcomes(sandbox.judge(Task(program, ("assert abs(f() - 7) < 1e-6",)))) == ["fail"]


def test_trusted_code_runs_without_a_program(impatient: Sandbox) -> None:
    assert outcomes(impatient.judge(Task(None, ("assert 1 + 1 == 2", "assert 1 + 1 == 3", "while True: pass")))) == [
        "pass",
        "fail",
        "timeout",
    ]


def test_an_empty_program_is_one_that_defines_nothing(sandbox: Sandbox) -> None:
    assert outcomes(sandbox.judge(Task("", ("assert True", "assert f() == 1")))) == ["pass", "error"]


def test_verdicts_come_in_order_and_equal_for_any_number_of_workers() -> None:
    tasks = [Task(f"def f(): return {value}", (f"assert f() % 3 == {value % 2}",)) for value in range(24)]
    with Sandbox(workers=1, limits=LIMITS) as one, Sandbox(workers=3, limits=LIMITS) as three:
        first, second = one.judge_all(tasks), three.judge_all(tasks)
    assert first == second
    assert [verdict.passed for verdict in first] == [value % 3 == value % 2 for value in range(24)]


def test_the_order_of_a_set_and_chance_are_the_same_in_every_worker() -> None:
    program = "import random\ndef f(): return list({'a', 'b', 'c', 'd', 'e'}), random.random()"
    said = set()
    for _ in range(2):
        with Sandbox(workers=1, limits=LIMITS) as sandbox:
            said.add(sandbox.judge(Task(program, ("assert f() == 0, f()",))).tests[0].detail)
    assert len(said) == 1


def test_the_beginning_of_what_a_program_prints_is_kept(sandbox: Sandbox) -> None:
    verdict = sandbox.judge(Task("def f():\n    for _ in range(10**6): print('x' * 99)", ("f()",)))
    assert outcomes(verdict) == ["pass"]
    assert verdict.tests[0].output.startswith("xxx")
    assert len(verdict.tests[0].output) == LIMITS.output_kib << 10


def bytes_read() -> int:
    """By this process, so far."""
    told = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(told["rchar"])


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="this kernel does not tell what a process reads")
def test_printing_costs_whoever_asked_nothing(sandbox: Sandbox) -> None:
    program = "import os\ndef f(times):\n    for _ in range(times): os.write(1, bytes(1 << 20))"
    before = bytes_read()
    assert outcomes(sandbox.judge(Task(program, ("f(300)",)))) == ["pass"]
    assert bytes_read() - before < 2 << 20


def test_sixteen_tests_that_sleep_are_stopped_at_the_first_where_limits_say_so() -> None:
    limits = dataclasses.replace(LIMITS, wall_seconds=0.5, stop_at_timeout=True)
    with Sandbox(workers=2, limits=limits) as sandbox:
        verdict = sandbox.judge(Task("import time\ndef f(): time.sleep(600)", ("f()",) * 16))
    assert outcomes(verdict) == ["timeout"] * 16
    assert [test.detail for test in verdict.tests] == ["no answer within 0.5 s"] + [
        "not counted: test 1 timed out"
    ] * 15


def test_all_tests_of_a_program_have_one_budget_and_another_program_has_its_own() -> None:
    program = "import time\ndef f(seconds):\n    time.sleep(seconds)\n    return 1"
    slow, quick = (Task(program, (f"assert f({seconds}) == 1",) * 6) for seconds in (0.2, 0))
    with Sandbox(workers=2, limits=dataclasses.replace(LIMITS, all_wall_seconds=0.3)) as sandbox:
        waited, done = sandbox.judge_all([slow, dataclasses.replace(quick, tests=quick.tests[:1])])
    assert outcomes(waited)[0] == "pass"
    assert outcomes(waited)[2:] == ["timeout"] * 4
    assert waited.tests[-1].detail == "the tests before used up the 0.3 s of all"
    assert outcomes(done) == ["pass"]


def test_a_sandbox_serves_many_threads(sandbox: Sandbox) -> None:
    said: list[bool] = []

    def ask(value: int) -> None:
        said.append(sandbox.judge(Task(f"def f(): return {value}", (f"assert f() == {value}",))).passed)

    threads = [threading.Thread(target=ask, args=(value,)) for value in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [True] * 8


def test_a_verdict_names_the_layers_that_stood() -> None:
    with Sandbox(limits=LIMITS) as all_of_them, Sandbox(limits=LIMITS, without=("namespaces",)) as fewer:
        task = Task("def f(): return 1", ("assert f() == 1",))
        assert all_of_them.judge(task).layers == offered().active
        assert "namespaces" not in fewer.judge(task).layers


def test_too_few_layers_are_refused_unless_asked_for() -> None:
    with pytest.raises(UsageError, match=r"cannot hold what a model wrote.*seccomp: left out"):
        Sandbox(without=("seccomp",))
    with Sandbox(without=("seccomp", "landlock", "namespaces"), weaker=True) as weak:
        assert weak.judge(Task("def f(): return 1", ("assert f() == 1",))).passed


def test_a_layer_that_the_machine_does_not_allow_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(layers.LAYERS, "landlock", lambda: layers._tried(0, ""))
    found: Layers = offered.__wrapped__()
    assert "landlock" not in found.active
    assert "not allowed here" in found.lacking["landlock"]


def test_a_task_without_tests_is_neither_passed_nor_failed(sandbox: Sandbox) -> None:
    verdict = sandbox.judge(Task("def f(): return 1", ()))
    assert verdict.pass_rate is None
    assert not verdict.passed


def test_a_function_named_like_one_of_python_s_is_asked_where_the_task_says_so(sandbox: Sandbox) -> None:
    program = "def sum(a, b):\n    return a + b\ndef copy(x):\n    return [x]\n"
    tests = ("assert sum(1, 2) == 3", "assert copy(1) == [1]", "assert max(1, 2) == 2 and sum(0, 0) == 0")
    assert sandbox.judge(Task(program, tests, names=("sum", "copy"))).passed


def test_arguments_may_have_any_name(sandbox: Sandbox) -> None:
    program = "def f(function, self=0, operation=0):\n    return function + self + operation\n"
    assert sandbox.judge(Task(program, ("assert f(function=1, self=2, operation=3) == 6",))).passed
