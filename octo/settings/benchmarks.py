"""Settings of every job that keeps the problems of benchmarks out of what a model learns from."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Self

from pydantic import Field, field_validator, model_validator

from octo.settings.base import Address, JobSettings, check_reason

LEAST_RECALL: Mapping[str, float] = MappingProxyType(
    {
        **dict.fromkeys(
            ("exact", "without_answer", "wrapped", "hyphenated", "tagged", "full_width", "short_line"), 0.9
        ),
        **dict.fromkeys(("first_half", "second_half"), 0.9),
        # Copies in other words, and problems with other numbers, are not looked for: they are told, and block nothing.
        **dict.fromkeys(("reworded", "numbers_changed"), 0.0),
    }
)


class BenchmarkSettings(JobSettings):
    """Which problems are looked for, and what is said where none are."""

    benchmarks: tuple[Address, ...] = ()
    """Problems that nothing learned from may contain."""
    benchmark_sources: tuple[str, ...] = ("evaluation",)
    """The sources in `benchmarks` that hold problems; none takes all but those of --not-benchmarks."""
    not_benchmarks: tuple[str, ...] = ()
    """The sources in `benchmarks` that no model is judged by. Each source there must be one or the other."""
    without_benchmarks: str = ""
    """Why no benchmark is looked for, in words, where none is given: they stand in the artifact and on the report."""
    min_question_words: int = Field(default=8, ge=1)
    """A question of fewer words, which is no formula either, is a phrase that clean documents have too: it is not
    looked for, and listed as not protected."""
    ngram: int = Field(default=13, gt=0)
    """Tokens in a row that a contaminated document shares with a problem; a shorter problem must appear whole."""

    canary_recall: dict[str, float] = Field(default=dict(LEAST_RECALL))
    """Least share of planted copies of questions that must be found, by kind; below it nothing is kept. Kinds that are
    not named keep their defaults."""

    def lacking_benchmarks(self) -> str:
        """That nobody has said which problems are looked for, nor why none are."""
        if self.benchmarks or self.without_benchmarks:
            return ""
        return (
            "no benchmark: give --benchmarks, the addresses of the problems that models will be judged by, or say with "
            "--without-benchmarks why there are none"
        )

    @field_validator("without_benchmarks")
    @classmethod
    def _is_a_reason(cls, without_benchmarks: str) -> str:
        return check_reason(without_benchmarks)

    @field_validator("canary_recall")
    @classmethod
    def _are_kinds(cls, canary_recall: dict[str, float]) -> dict[str, float]:
        for kind, share in canary_recall.items():
            if kind not in LEAST_RECALL:
                raise ValueError(f"expected a kind of copies, one of {', '.join(LEAST_RECALL)}, got {kind!r}")
            if not 0 <= share <= 1:
                raise ValueError(f"expected a share between 0 and 1 for {kind}, got {share}")
        return {**LEAST_RECALL, **canary_recall}

    @model_validator(mode="after")
    def _benchmarks_are_named_or_waived(self) -> Self:
        if self.without_benchmarks and self.benchmarks:
            raise ValueError(
                "expected benchmarks, or the reason for there being none with without_benchmarks, got both"
            )
        if both := set(self.benchmark_sources) & set(self.not_benchmarks):
            raise ValueError(f"expected {min(both)} in benchmark_sources or in not_benchmarks, got it in both")
        return self
