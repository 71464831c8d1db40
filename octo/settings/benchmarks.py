"""Settings of every job that keeps the problems of benchmarks out of what a model learns from."""

from typing import Self

from pydantic import Field, field_validator, model_validator

from octo.settings.base import Address, JobSettings, check_reason


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

    @model_validator(mode="after")
    def _benchmarks_are_named_or_waived(self) -> Self:
        if self.without_benchmarks and self.benchmarks:
            raise ValueError(
                "expected benchmarks, or the reason for there being none with without_benchmarks, got both"
            )
        if both := set(self.benchmark_sources) & set(self.not_benchmarks):
            raise ValueError(f"expected {min(both)} in benchmark_sources or in not_benchmarks, got it in both")
        return self
