"""Programs and tests that go wrong."""

from tests.wire.benign import Programs

ENDINGS: Programs = {
    "a name that is nowhere": ("def f():\n    return 1\n", "assert g() == 1\n"),
    "a program that is no Python": ("def f(:\n    return 1\n", "assert f() == 1\n"),
    "a program that is indented wrongly": ("def f():\nreturn 1\n", "assert f() == 1\n"),
    "a program that raises at once": ("import no_such_module\ndef f():\n    return 1\n", "assert f() == 1\n"),
    "a program that asserts": ("def f(x):\n    assert x > 0, 'positive'\n    return x\n", "assert f(0) == 0\n"),
    "a test that is no Python": ("def f():\n    return 1\n", "assert f() ==\n"),
    "a test that leaves": ("def f():\n    return 1\n", "raise SystemExit(0)\n"),
    "a loop without end": ("def f():\n    while True:\n        pass\n", "assert f() is None\n"),
    "nothing is asserted": ("def f():\n    return 1\n", "f()\n"),
}
