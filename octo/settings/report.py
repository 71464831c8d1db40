"""Settings of the report job."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from octo.settings.base import Address, JobSettings


class ReportSettings(JobSettings):
    """Say what reinforcement learning did to each branch, with intervals and with the data behind it."""

    job: ClassVar[str] = "report"
    code_version: ClassVar[int] = 5

    branches: tuple[str, ...] = ()
    """Names of the branches, in the order of `evaluations` and `policies`."""
    control: str = "base"
    """The branch that was not mid-trained; every other one is compared with it. Empty asks whether the branches gained
    at all."""
    decided_by: Literal["greedy", "sampled"] = "greedy"
    """Whether the answer rests on greedy answers or on the share of sampled ones that is right; the other checks it."""
    evaluations: tuple[Address, ...] = ()
    """One evaluation artifact for each branch, of two models: before and after reinforcement learning."""
    policies: tuple[Address, ...] = ()
    """One rl artifact for each branch."""
    models: tuple[Address, ...] = ()
    """The midtraining artifacts whose curves are shown."""
    corpora: tuple[Address, ...] = ()
    """The curation artifacts whose kept and dropped documents are shown."""
    decodings: tuple[Address, ...] = ()
    """The decoding artifacts of diffusion models whose orders are shown."""
    studies: tuple[Address, ...] = ()
    """Evaluation artifacts of the same two models at several temperatures and numbers of steps, set side by side."""
    decoupled: tuple[Address, ...] = ()
    """One evaluation artifact for each branch, of the model that was trained by decoupled masks and otherwise alike;
    none compares nothing."""
    resamples: int = Field(default=10_000, ge=100)
    """Bootstrap resamples behind an interval."""

    @model_validator(mode="after")
    def _control_is_a_branch(self) -> Self:
        if self.branches and self.control and self.control not in self.branches:
            raise ValueError(
                f"expected a control that is one of the branches ({', '.join(self.branches)}), got {self.control!r}"
            )
        return self
