"""Harmless programs, each with what a benchmark's author might assert of it."""

Programs = dict[str, tuple[str, ...]]
"""By what they are about: the program, its test, and the test's setup if it has one."""
