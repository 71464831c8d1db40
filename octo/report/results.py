"""What a report says, as values: `results.json`. No time and no address, so that equal runs give equal bytes."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from octo.findings import Outcome

Answer = Literal["yes", "no", "cannot be told", "not measured"]
Section = Literal["answer", "rl", "decoding"]


class Value(BaseModel):
    """A part of the results."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(Value):
    """A number with its 95 % interval; None where there is nothing to estimate it from."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Finding(Value):
    """A sentence that confirms, denies or compares, and the test that it comes from."""

    claim: str
    section: Section
    """Of the page, where it stands."""
    estimate: Estimate
    chance: float
    """What the estimate would be if there were nothing to find."""
    outcome: Outcome
    sentence: str


class Contamination(Value):
    """What a score's problems did in what its models learned from, as far as the gate can tell."""

    left: int | None
    """Documents and problems that hold one and were learned from; None where somebody did not look."""
    removed: int
    """Those that were left out for it."""


NOT_KNOWN = Contamination(left=None, removed=0)


class Measure(Value):
    """One way to count correct answers, before and after reinforcement learning; shares between 0 and 1."""

    before: Estimate
    after: Estimate
    gain: Estimate
    """After minus before on the same problems."""
    over_control: Estimate | None
    """This branch's gain minus the control's on the same problems; None for the control itself."""
    problems: int
    """Problems with a verdict on both sides."""


class PassAtK(Value):
    """The chance that one of k samples is right, without bias."""

    k: int
    before: Estimate
    after: Estimate


class Completion(Value):
    """What a model wrote."""

    text: str
    omitted: int
    """Characters left out of its middle."""
    correct: bool | None


class Example(Value):
    """A problem and what the model before and the one after made of it."""

    question: str
    answer: str
    before: Completion | None
    after: Completion | None


class Curve(Value):
    """Figures by step; None is a gap. Where there are many steps, a point is the mean of `steps_per_point` of them."""

    steps: tuple[int, ...]
    steps_per_point: int
    values: dict[str, tuple[float | None, ...]]


class Branch(Value):
    """What reinforcement learning did to one model."""

    name: str
    contamination: Contamination = NOT_KNOWN
    control: bool
    greedy: Measure
    sampled: Measure | None
    """The share of sampled answers that is right; None without samples."""
    samples_per_problem: int
    pass_at_k: tuple[PassAtK, ...]
    unreached: int
    """Verdicts, before and after, that were not reached: neither right nor wrong, and counted as neither."""
    shortage: str
    """On how many problems fewer samples have a verdict than there are; empty where none lacks one."""
    mean_length_before: float | None
    mean_length_after: float | None
    training: Curve
    examples: tuple[Example, ...]


class ArNess(Value):
    """How much the order of writing is that of reading (DiffuCoder, section 4); shares, None where none can be told."""

    variant: str
    """ordered, or set."""
    local_by_k: dict[int, float | None]
    global_by_k: dict[int, float | None]


class EntropyPicture(Value):
    """One completion's decoding: by shown step and position, the entropy of what was masked, in nats."""

    shown_steps: tuple[int, ...]
    entropies: tuple[tuple[float | None, ...], ...]
    steps: tuple[int, ...]
    """By position, the step that wrote it."""


class Decoding(Value):
    """How a diffusion model decodes."""

    stage: str
    exactness: str
    agreement: float | None
    """Share of tokens that exact decoding writes too; None where decoding is exact, or nothing was compared."""
    completions: int
    tokens_per_pass: float
    num_steps: int
    length: int
    ar_ness: tuple[ArNess, ...]
    num_by_bins: tuple[tuple[int, ...], ...]
    """How many positions were written, by bins of steps and within them of positions."""
    sink_probabilities: tuple[float | None, ...]
    """By position, of the likeliest token while all is masked."""
    sink_entropies: tuple[float | None, ...]
    """In nats."""
    picture: EntropyPicture | None


class Study(Value):
    """Both models of a branch, evaluated in one way."""

    stage: str
    contamination: Contamination = NOT_KNOWN
    temperature: float
    """Of the samples."""
    num_steps: int
    """Denoising steps of a completion."""
    length: int
    exactness: str
    greedy_before: Estimate
    greedy_after: Estimate
    pass_at_k: tuple[PassAtK, ...]
    shortage: str
    """As of a branch."""


class Verdict(Value):
    """The report's answer. It rests on one comparison, of greedy or of sampled answers; the other one is a check."""

    answer: Answer
    exceptions: str
    """Which branches fell or point the other way, in words; it belongs to the answer's own sentence."""
    statement: str
    findings: tuple[Finding, ...] = ()
    """The tests that these words come from: the answer's own first."""
    control_gain: Estimate | None
    """None without a control."""
    branches_gain: Estimate
    """The mean gain of the other branches."""
    difference: Estimate
    """The branches' mean gain minus the control's; without a control, that gain."""
    by_seed: tuple[float, ...]
    """The same of each training seed."""
    decided_by: Literal["greedy", "sampled"]
    check_difference: Estimate | None
    """By the other one; None where there are no samples."""
    problems: int


class Model(Value):
    """A mid-trained model: its curve, and the tokens that the models it continues had seen."""

    stage: str
    key: str
    continues: str
    """Key of the model that it started from; empty for random weights."""
    branch: str
    """The branch whose reinforcement learning starts here; empty where none does."""
    tokens_before: float
    final_loss: float | None
    """Mean over the last twentieth of the steps, nats per token."""
    curve: Curve
    source_losses: dict[str, tuple[float | None, ...]] = {}
    """By source, at the curve's steps; none where there is one source alone."""
    skipped: int = 0
    """Steps that were left out, as they held no numbers or their loss leapt."""


class SourceShare(Value):
    """One source of a mixture."""

    source: str
    weight: float
    """Asked for, of 1."""
    share: str
    """The fraction that was used for it: of so many sequences, so many."""
    sequences: int
    tokens: int
    epochs: float


class Mixture(Value):
    """What a training was given."""

    stage: str
    sources: tuple[SourceShare, ...]
    left_out: tuple[str, ...]
    """Sources of the tokens that it took nothing from."""
    sequences: int
    sequence_length: int
    vocabulary_size: int


class DroppedDocument(Value):
    """A document that was left out."""

    source: str
    url: str
    excerpt: str


class DropReason(Value):
    """How many documents were left out for a reason, and some of them."""

    reason: str
    count: int
    examples: tuple[DroppedDocument, ...]


class SourceOutcome(Value):
    """What became of the documents of one source."""

    source: str
    documents: int
    kept: int
    dropped: dict[str, int]
    """By reason, the most frequent first."""


class Corpus(Value):
    """What a curation kept."""

    stage: str
    documents: int
    kept: int
    dropped: tuple[DropReason, ...]
    near: str = ""
    """Which share of near matches was found, in words; empty where none were looked for."""
    sources: tuple[SourceOutcome, ...] = ()
    taken_out: dict[str, int] = {}
    """Lines that were taken out of documents that the rules leave, by what they lack."""


class PlantedCopies(Value):
    """How the gate of a stage did with copies that were planted."""

    kind: str
    planted: int
    recall: float | None
    """None where no question has a copy of this kind."""
    precision: float | None
    """None where nothing was called a copy."""
    least_recall: float
    """Below it, the stage would have failed."""


class KeptOut(Value):
    """What a stage says of the benchmarks' problems that it looked for."""

    stage: str
    sentence: str
    not_protected: tuple[str, ...] = ()
    """Some of the questions that it did not look for, with the reason."""
    num_not_protected: int = 0
    planted: tuple[PlantedCopies, ...] = ()


class Ancestor(Value):
    """An artifact that the results rest on."""

    key: str
    """<job>/<digest>."""
    stage: str
    job: str
    content: str
    """sha256 over what it holds."""
    bytes: int
    inputs: tuple[str, ...]
    counters: dict[str, int]


class Results(Value):
    """Everything a report shows but times."""

    control: str
    """Empty where the branches are compared with nothing but what they were before."""
    resamples: int
    problems: int
    verdict: Verdict
    chances: tuple[str, ...]
    """Whether the control had the branches' chances; nothing without one."""
    branches: tuple[Branch, ...]
    models: tuple[Model, ...]
    mixtures: tuple[Mixture, ...]
    corpora: tuple[Corpus, ...]
    coverage: tuple[str, ...]
    """Where the problems that models were asked were looked for, and where they were not."""
    kept_out: tuple[KeptOut, ...]
    decodings: tuple[Decoding, ...]
    studies: tuple[Study, ...]
    findings: tuple[Finding, ...]
    """What was tested besides the verdict."""
    lineage: tuple[Ancestor, ...]
    """Inputs first."""
