"""Attacks on memory, processor time, patience and whoever reads the output. All of them are bounded by themselves."""

from collections.abc import Iterator

import pytest

from octo.sandbox.verdicts import Outcome
from tests.wire.escapes import (
    BRIEF,
    CONFIGURATIONS,
    IMPATIENT,
    LIMITS,
    NEEDS_LAYERS,
    PAIR,
    WORKER,
    Target,
    stopped_by,
    target_of,
)

pytestmark = NEEDS_LAYERS


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def brief(request: pytest.FixtureRequest) -> Iterator[Target]:
    with target_of(request.param, limits=BRIEF) as target:
        yield target


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def impatient(request: pytest.FixtureRequest) -> Iterator[Target]:
    with target_of(request.param, limits=IMPATIENT) as target:
        yield target


MEMORY = {
    "the heap": "len([bytearray(1 << 26) for _ in range(32)])",
    "a mapping": "len(__import__('mmap').mmap(-1, 1 << 31))",
    "many mappings": "len([__import__('mmap').mmap(-1, 1 << 27) for _ in range(16)])",
    "an integer": "1 << (1 << 34)",
    "a string": "len('a' * (1 << 31))",
    "a list": "len([0] * (1 << 28))",
    "deep copies": "len(__import__('copy').deepcopy([bytearray(1 << 24) for _ in range(12)]))",
    "a format": "len('%*d' % (2**31 - 1, 1))",
    "a set": "len(set(range(1 << 26)))",
    "a buffer of C": "len(ctypes.create_string_buffer(1 << 31))",
}
"""Expressions that take more memory than there is, up to 2 GiB."""


@pytest.mark.parametrize("way", MEMORY)
@stopped_by("rlimits")
def test_a_memory_bomb_is_out_of_memory(target: Target, way: str) -> None:
    found = target.verdict(f"def attack(): return {MEMORY[way]}")
    assert found.outcome is Outcome.ERROR
    assert "MemoryError" in found.detail or "Cannot allocate memory" in found.detail


@stopped_by("landlock", "rlimits")
def test_no_memory_is_shared_with_others(target: Target) -> None:
    told = target.told("""
        import multiprocessing.shared_memory
        def attack():
            return attempt(multiprocessing.shared_memory.SharedMemory, create=True, size=1 << 20)
    """)
    assert told == target.unreachable


@stopped_by("rlimits")
def test_descriptors_run_out(target: Target) -> None:
    told = target.told("""
        import select, socket
        def use_up(make):
            kept = [make() for _ in range(200)]
        def attack():
            return [attempt(use_up, make) for make in (os.pipe, socket.socketpair, select.epoll)]
    """)
    assert told == ["EMFILE", "EMFILE", "EMFILE"]


@pytest.mark.parametrize("descriptor", [1, 2])
@stopped_by(WORKER)
def test_a_flood_of_output_is_read_and_dropped(target: Target, descriptor: int) -> None:
    found = target.verdict(f"""
        def attack():
            written = 0
            while written < 50 << 20:
                written += os.write({descriptor}, b"flood" * 10000)
            return "right"
    """)
    assert found.outcome is Outcome.PASS
    assert len(found.output) == LIMITS.output_kib << 10


@stopped_by("rlimits", WORKER)
def test_a_flood_without_end_is_ended(brief: Target) -> None:
    found = brief.verdict("""
        def attack():
            while True:
                os.write(1, b"flood" * 10000)
    """)
    assert found.outcome is Outcome.TIMEOUT
    assert len(found.output) == LIMITS.output_kib << 10


@stopped_by(WORKER)
def test_output_that_is_no_text_comes_back_as_text(target: Target) -> None:
    found = target.verdict("""
        def attack():
            os.write(1, b"\\xff\\xfe\\x00\\xed\\xa0\\x80")
            return "right"
    """)
    assert found.outcome is Outcome.PASS
    assert found.output.encode()


@stopped_by(PAIR)
def test_an_answer_has_a_largest_size(target: Target) -> None:
    found = target.verdict("def attack(): return 'a' * (5 << 20)")
    assert (found.outcome, "4 are allowed" in found.detail) == (Outcome.ERROR, True)


@stopped_by(PAIR)
def test_a_huge_integer_is_compared_and_never_written_out(target: Target) -> None:
    """Decimal digits of a million-digit number would take their reader longer than the program took to make it."""
    program = "def attack(): return 7 ** 10 ** 6"
    assert target.verdict(program, "assert attack() == 7 ** 10 ** 6").outcome is Outcome.PASS
    assert target.verdict(program, "assert attack() == 7 ** 10 ** 6 + 1").outcome is Outcome.FAIL
    found = target.verdict(program, "x = attack()\nassert x == 1, f'{x}'")
    assert found.outcome is Outcome.ERROR
    assert "digits" in found.detail


SLOW = {
    "a loop": "while True: pass",
    "a power": "pow(7, 10**9)",
    "a regular expression": "import re; re.match('(a+)+$', 'a' * 64 + 'b')",
    "a key of a sort": "sorted(range(10**6), key=lambda each: sum(range(each)))",
    "threads": "import threading; [threading.Thread(target=pow, args=(7, 10**9)).start() for _ in range(3)]",
}
"""Statements that do not end in our lifetime, most of them in C, where Python looks after no signal."""


@pytest.mark.parametrize("way", SLOW)
@stopped_by("rlimits", WORKER)
def test_processor_time_is_over(brief: Target, way: str) -> None:
    assert brief.verdict(f"def attack():\n    {SLOW[way]}").outcome is Outcome.TIMEOUT


WAITS = {
    "sleeping": "time.sleep(10**6)",
    "standing still": "os.kill(os.getpid(), signal.SIGSTOP)",
}


@pytest.mark.parametrize("way", WAITS)
@stopped_by(WORKER)
def test_the_wait_is_over(impatient: Target, way: str) -> None:
    found = impatient.verdict(f"import signal, threading, time\ndef attack():\n    {WAITS[way]}\n    return 'right'")
    assert (found.outcome, found.detail) == (Outcome.TIMEOUT, "no answer within 2 s")


@stopped_by(WORKER)
def test_a_clock_that_was_turned_gives_no_more_time(impatient: Target) -> None:
    found = impatient.verdict("""
        import time
        wait = time.sleep
        time.time = time.monotonic = time.perf_counter = lambda: 0.0
        time.sleep = lambda seconds: None
        def attack():
            wait(60)
            return "right"
    """)
    assert found.outcome is Outcome.TIMEOUT


RECURSION = {
    "a function": "return attack()",
    "a representation": "x = type('X', (), {'__repr__': lambda self: f'{self!r}'})(); return repr(x)",
    "an attribute": "x = type('X', (), {'__getattr__': lambda self, name: getattr(self, name)})(); return x.name",
    "JSON": "import json; return json.loads('[' * 10**6)",
    "an answer": "x = []\n    for _ in range(10**5): x = [x]\n    return x",
    "source": "return eval('(' * 10**5 + ')' * 10**5)",
    "a syntax tree": "import ast; return ast.literal_eval('-' * 10**6 + '1')",
}


@pytest.mark.parametrize("way", RECURSION)
@stopped_by(PAIR, "rlimits")
def test_recursion_without_end_is_an_error(target: Target, way: str) -> None:
    assert target.verdict(f"def attack():\n    {RECURSION[way]}").outcome is Outcome.ERROR


CRASHES = {
    "a null pointer": "ctypes.string_at(0)",
    "a call to nowhere": "ctypes.CFUNCTYPE(None)(1)()",
    "the end of the stack": "import sys; sys.setrecursionlimit(10**9); f = lambda: [*map(lambda _: f(), [0])]; f()",
    "abort": "ctypes.CDLL(None).abort()",
    "abort by Python": "os.abort()",
    "memory that is overwritten": "ctypes.memset(id(None), 255, 1 << 24)",
}


@pytest.mark.parametrize("way", CRASHES)
@stopped_by(PAIR, WORKER)
def test_a_crash_is_an_error_of_the_program(target: Target, way: str) -> None:
    found = target.verdict(f"def attack():\n    {CRASHES[way]}\n    return 'right'")
    assert found.outcome is Outcome.ERROR
    assert "ended by SIG" in found.detail


BOMBS = {
    "zlib": "zlib.decompress(packed())",
    "gzip": "gzip.decompress(gzip.compress(piece) * 320)",
    "lzma": "lzma.decompress(lzma.compress(piece, preset=0) * 320)",
    "a zip file": "zipfile.ZipFile(archive()).read('bomb')",
    "a zip file onto the disk": "zipfile.ZipFile(archive()).extractall()",
}


@pytest.mark.parametrize("way", BOMBS)
@stopped_by("rlimits")
def test_a_decompression_bomb_is_out_of_memory_or_file(target: Target, way: str) -> None:
    """320 MiB each, unpacked."""
    told = target.told(f"""
        import gzip, io, lzma, zipfile, zlib
        piece = bytes(1 << 20)
        def packed():
            packer = zlib.compressobj(1)
            return b"".join([*(packer.compress(piece) for _ in range(320)), packer.flush()])
        def archive():
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as written:
                with written.open("bomb", "w") as bomb:
                    for _ in range(320):
                        bomb.write(piece)
            return file
        def attack():
            return attempt(lambda: {BOMBS[way]})
    """)
    assert told == ("EFBIG" if "disk" in way else "MemoryError")


@pytest.mark.parametrize(
    "test",
    [
        "assert str(attack()) == 'right'",
        "assert attack() == 'right', attack()",
        "assert attack() == attack()",
        "import json\nassert json.dumps(attack())",
        "import copy\nassert copy.deepcopy(attack()) != 'right', str(attack())\nassert len(repr(attack())) < 100",
    ],
)
@stopped_by("rlimits", WORKER)
def test_an_answer_that_is_small_and_unfolds_is_no_pass(brief: Target, test: str) -> None:
    """Ten lists, each ten times in the next: a few bytes that stand for ten million million."""
    found = brief.verdict(
        """
        def attack():
            value = [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]
            for _ in range(12):
                value = [value] * 10
            return value
        """,
        test,
    )
    assert found.outcome is not Outcome.PASS


@stopped_by(PAIR, "rlimits")
def test_an_answer_that_lies_within_itself_is_no_pass(target: Target) -> None:
    program = """
        def attack():
            value = [1]
            value.append(value)
            return value
    """
    assert target.verdict(program).outcome is Outcome.FAIL
    assert target.verdict(program, "assert attack() == attack()").outcome is Outcome.ERROR
