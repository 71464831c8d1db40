"""Every sentence of a page that confirms, denies or compares, fed data of each outcome."""

import ast
import re
from collections.abc import Callable
from math import nan
from pathlib import Path
from string import Formatter

import pytest

import octo.report
from octo.findings import DRAFTS_MEASURED, ESTIMATE_ATTRIBUTES, NUMBERS, Claim, Interval, Outcome, outcome_of
from octo.ml.draft_times import ratio_of
from octo.randomness import generator
from octo.report.comparison import Comparison, Graded, Pair, conclude
from octo.report.drafts import findings_of_drafts
from octo.report.findings import told
from octo.report.masks import finding_of_masks
from octo.report.orders import Written, findings_of_decodings, findings_of_studies, findings_of_training
from octo.report.results import Estimate, Finding, Study
from octo.storage.manifest import Manifest
from octo.trace import Span

REPORT = Path(octo.report.__file__).parent
ESTIMATES = {
    "above": Estimate(value=0.3, low=0.25, high=0.35),
    "below": Estimate(value=0.1, low=0.05, high=0.15),
    "cannot be told": Estimate(value=0.21, low=0.15, high=0.3),
    "not measured": Estimate(),
}
COMPARES = re.compile(
    r"\b(rose|fell|surer|surest|better|worse|higher|lower|improve[sd]?|confirm(s|ed)?|den(y|ies|ied)|(as|unlike) in "
    r"the paper|the paper's|did more|did less)\b"
)


def training(*, level: float, slope: float, steps: int = 20) -> list[dict[str, object]]:
    """AR-ness so far beyond chance, which itself falls as answers grow."""
    noise = 0.004 * generator(0, "training").standard_normal(steps)
    chances = [0.25 - 0.004 * step for step in range(steps)]
    return [
        {"step": step + 1, "global_ar_ness": chance + level + slope * step + noise[step]}
        | {"global_ar_ness_by_chance": chance}
        for step, chance in enumerate(chances)
    ]


def of_training(place: int, **effect: float) -> Callable[[], Finding]:
    return lambda: findings_of_training([training(**effect)])[place]


def of_variances(*ratios: float) -> Callable[[], Finding]:
    """Coupled over decoupled, at steps of a training."""
    lines = training(level=0.1, slope=0.0)
    for line, ratio in zip(lines, ratios, strict=False):
        line |= {"variance_coupled": 3 * ratio, "variance_decoupled": 3.0}
    return lambda: findings_of_training([lines])[2]


def sums(*numbers: float) -> tuple[int, float, float]:
    return len(numbers), sum(numbers), sum(each * each for each in numbers)


NOISE = (0.01, -0.01, 0.0, 0.02, -0.02, 0.01)


def decoded(*, beyond: float = 0.1, sink: float = 0.1, count: int = 6, model: str = "m", temperature: float = 0.0):
    noise = NOISE[:count]
    return Written(
        stage="decode",
        model=model,
        temperature=temperature,
        by_chance=sums(*[0.2] * count),
        beyond_chance=sums(*(beyond + each for each in noise)),
        first_over_rest=sums(*(sink + each for each in noise)),
    )


def of_decodings(place: int, *written: Written) -> Callable[[], Finding]:
    return lambda: findings_of_decodings(written)[place]


def of_steps(solved_in_many: float, solved_in_few: float, problems: int = 100) -> Callable[[], Finding]:
    def graded(share: float) -> Graded:
        return Graded({str(number): float(number < share * problems) for number in range(problems)}, {}, 0, 0)

    def studied(num_steps: int, share: float) -> tuple[Study, Pair]:
        how = {"stage": "half", "temperature": 1.0, "num_steps": num_steps, "length": 24, "exactness": "exact"}
        study = Study(**how, greedy_before=Estimate(), greedy_after=Estimate(), pass_at_k=(), shortage="")
        return study, Pair("rl", (graded(share),), (graded(share),))

    pairs = [studied(24, solved_in_many), studied(12, solved_in_few)]
    return lambda: findings_of_studies(pairs, seed=0, resamples=500)[0]


def of_drafts(*ratios: float) -> Callable[[], Finding]:
    """What a page reads off the span that a decoding wrote."""
    numbers = zip(ESTIMATE_ATTRIBUTES, ratio_of(ratios), strict=True)
    attributes = {name: number for name, number in numbers if number is not None}
    span = Span(DRAFTS_MEASURED, "t", "s", "", start=0, end=1, stage="decode", attributes=attributes)
    stages = [{"name": "decode", "settings": {"draft_length": 4}}, {"name": "plain", "settings": {"draft_length": 0}}]
    return lambda: findings_of_drafts([*stages, {"name": "rl", "settings": {}}], [span])[0]


SEEDS = (0.25, 0.3, 0.35)


def of_answer(claim: Claim, place: int = 0, *, problems: int = 80, **gains: float) -> Callable[[], Finding]:
    """What a comparison of branches, each of which starts at these shares of right answers and gains, says of a claim.

    A control is one of them where one is called so.
    """

    def graded(share: float) -> Graded:
        return Graded({f"p{n:02d}": float(n < round(share * problems)) for n in range(problems)}, {}, 0, 0)

    pairs = [
        Pair(name, tuple(map(graded, SEEDS)), tuple(graded(share + gain) for share in SEEDS))
        for name, gain in gains.items()
    ]
    control = "control" if "control" in gains else ""
    found = conclude(Comparison("greedy", pairs, control=control, seed=0, resamples=500), None).findings
    return lambda: [each for each in found if each.claim == claim.name.lower()][place]


def of_masks(coupled: float, decoupled: float, *, problems: int = 80, **changed: object) -> Callable[[], Finding]:
    """Two trainings of two seeds, of which that share of the samples is right; they differ by their masks."""

    def graded(share: float) -> Graded:
        return Graded({}, {f"p{n:02d}": round(4 * share) if n % 4 else 4 for n in range(problems)}, 4, 0)

    def manifest(estimator: str, **changed: object) -> Manifest:
        settings = {"seed": 0, "diffusion": {"coupling": {"estimator": estimator}, "num_passes": 2}} | changed
        return Manifest.model_construct(settings=settings, inputs={})

    return lambda: finding_of_masks(
        "rl",
        (manifest("coupled"), manifest("decoupled", **changed)),
        ([graded(coupled)] * 2, [graded(decoupled)] * 2),
        kind="sampled",
        seed=0,
        resamples=500,
    )


def test_trainings_that_differ_by_more_than_their_masks_are_not_compared() -> None:
    found = of_masks(0.75, 0.25, seed=1, num_steps=3)()
    assert found.outcome == "not measured"
    assert found.sentence.endswith("not measured on equal terms: the trainings differ in num_steps, seed, too.")
    assert "over problems and 2 training seeds" in of_masks(0.75, 0.25)().sentence


DATA: dict[Claim, dict[Outcome, Callable[[], Finding]]] = {
    Claim.DIFFERENCE: {
        "above": of_answer(Claim.DIFFERENCE, control=0.0, long=0.4),
        "below": of_answer(Claim.DIFFERENCE, control=0.4, long=0.0),
        "cannot be told": of_answer(Claim.DIFFERENCE, control=0.2, long=0.2),
        "not measured": of_answer(Claim.DIFFERENCE, control=0.2),
    },
    Claim.GAIN: {
        "above": of_answer(Claim.GAIN, policy=0.4),
        "below": of_answer(Claim.GAIN, policy=-0.2),
        "cannot be told": of_answer(Claim.GAIN, policy=0.0),
        "not measured": of_answer(Claim.GAIN, policy=0.0, problems=0),
    },
    Claim.MOVED: {
        "above": of_answer(Claim.MOVED, control=0.0, long=0.4),
        "below": of_answer(Claim.MOVED, control=0.0, long=-0.2),
        "cannot be told": of_answer(Claim.MOVED, 1, control=0.0, long=0.4),
        "not measured": of_answer(Claim.MOVED, control=0.0, long=0.0, problems=0),
    },
    Claim.BEYOND_CONTROL: {
        "above": of_answer(Claim.BEYOND_CONTROL, control=0.0, long=0.4),
        "below": of_answer(Claim.BEYOND_CONTROL, 1, control=0.3, long=0.3, short=0.0),
        "cannot be told": of_answer(Claim.BEYOND_CONTROL, control=0.3, long=0.3, short=0.0),
        "not measured": of_answer(Claim.BEYOND_CONTROL, control=0.0, long=0.0, problems=0),
    },
    Claim.ORDER: {
        "above": of_training(0, level=0.1, slope=0.0),
        "below": of_training(0, level=-0.1, slope=0.0),
        "cannot be told": of_training(0, level=0.0, slope=0.0),
        "not measured": of_training(0, level=0.1, slope=0.0, steps=3),
    },
    Claim.ORDER_BY_STEP: {
        "above": of_training(1, level=0.1, slope=0.002),
        "below": of_training(1, level=0.1, slope=-0.002),
        "cannot be told": of_training(1, level=0.1, slope=0.0),
        "not measured": of_training(1, level=0.1, slope=0.0, steps=3),
    },
    Claim.ORDER_OF_TWO: {
        "above": of_decodings(4, decoded(), decoded(beyond=0.2, temperature=1.0)),
        "below": of_decodings(4, decoded(), decoded(beyond=0.0, model="n")),
        "cannot be told": of_decodings(4, decoded(), decoded(beyond=0.105, temperature=1.0)),
        "not measured": of_decodings(4, decoded(), decoded(count=3, temperature=1.0)),
    },
    Claim.SINK: {
        "above": of_decodings(1, decoded()),
        "below": of_decodings(1, decoded(sink=-0.1)),
        "cannot be told": of_decodings(1, decoded(sink=0.0)),
        "not measured": of_decodings(1, decoded(count=0)),
    },
    Claim.VARIANCE: {
        "above": of_variances(1.4, 1.5, 1.3, 1.4, 1.6),
        "below": of_variances(0.7, 0.6, 0.8, 0.7, 0.75),
        "cannot be told": of_variances(0.7, 1.4, 0.9, 1.2, 1.0),
        "not measured": of_variances(0.7, 0.7),
    },
    Claim.MASKS: {
        "above": of_masks(0.75, 0.25),
        "below": of_masks(0.25, 0.75),
        "cannot be told": of_masks(0.5, 0.5),
        "not measured": of_masks(0.5, 0.5, problems=0),
    },
    Claim.STEPS: {
        "above": of_steps(0.4, 0.7),
        "below": of_steps(0.7, 0.4),
        "cannot be told": of_steps(0.5, 0.51),
        "not measured": of_steps(0.5, 0.5, problems=0),
    },
    Claim.DRAFTS: {
        "above": of_drafts(2.0, 2.1, 1.9, 2.0, 2.2),
        "below": of_drafts(0.5, 0.55, 0.45, 0.5, 0.5),
        "cannot be told": of_drafts(0.5, 2.1, 0.9, 1.2, 1.0),
        "not measured": of_drafts(0.5),
    },
}
"""Of every claim, data that lead to each of its outcomes by the test that the page makes."""


def test_every_claim_is_fed_data_of_each_outcome() -> None:
    assert set(DATA) == set(Claim)
    for claim, by_outcome in DATA.items():
        found = {outcome: make() for outcome, make in by_outcome.items()}
        assert {outcome: each.outcome for outcome, each in found.items()} == {outcome: outcome for outcome in ESTIMATES}
        assert {each.claim for each in found.values()} == {claim.name.lower()}
        assert len({each.sentence for each in found.values()}) == len(ESTIMATES)


@pytest.mark.parametrize("claim", Claim)
def test_a_claim_has_words_for_each_outcome_with_its_interval_and_its_chance_level(claim: Claim) -> None:
    words = claim.value
    asked = {name for text in words[1:] for _, name, _, _ in Formatter().parse(text) if name}
    names = {name: f"<{name}>" for name in asked - NUMBERS}
    sentences = {
        outcome: told(claim, estimate, section="rl", chance=0.2, **names).sentence
        for outcome, estimate in ESTIMATES.items()
    }
    assert len(set(sentences.values())) == len(ESTIMATES)
    for outcome in ("above", "below", "cannot be told"):
        assert "95\u00a0% interval" in sentences[outcome]
        assert told(claim, ESTIMATES[outcome], section="rl", chance=0.2, **names).chance == 0.2
        assert sentences[outcome] != told(claim, ESTIMATES[outcome], section="rl", chance=0.22, **names).sentence
    assert "cannot be told" in sentences["cannot be told"]
    assert not [outcome for outcome in ("above", "below") if "cannot be told" in sentences[outcome]]


@pytest.mark.parametrize("value", [nan, float("inf"), None])
def test_a_number_that_is_none_tells_nothing(value: float | None) -> None:
    assert outcome_of(Interval(value, 0.1, 0.2)) == "not measured"
    assert outcome_of(Interval(0.1, value, 0.2)) == "not measured"


def test_ar_ness_that_falls_with_its_chance_level_has_not_fallen() -> None:
    metrics = training(level=0.0, slope=0.0)
    assert metrics[-1]["global_ar_ness"] < 0.75 * metrics[0]["global_ar_ness"]
    level, change, _ = findings_of_training([metrics])
    assert (level.outcome, change.outcome) == ("cannot be told", "cannot be told")
    assert "cannot be told" in change.sentence


def test_decodings_are_compared_where_one_thing_differs() -> None:
    base, warm = decoded(model="a"), decoded(model="a", temperature=1.0)
    of_two = [each.claim for each in findings_of_decodings([base, warm])]
    assert of_two == ["order", "sink"] * 2 + ["order_of_two"]
    assert len(findings_of_decodings([base, decoded(model="b", temperature=1.0)])) == 4


def test_a_training_of_a_causal_model_has_no_order_to_tell_of() -> None:
    assert findings_of_training([[{"step": 1, "reward": 0.5}]]) == ()


def test_no_sentence_of_a_report_compares_but_by_a_claim() -> None:
    written = {"page.html": re.sub(r"{[{%].*?[%}]}", "", (REPORT / "page.html").read_text())}
    for path in REPORT.glob("*.py"):
        written[path.name] = "\n".join(texts(path))
    assert {name: found.group() for name, text in written.items() if (found := COMPARES.search(text))} == {}


def texts(path: Path) -> list[str]:
    """What a module may print: its strings, without what describes it."""
    tree = ast.parse(path.read_text())
    described = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described
    ]
