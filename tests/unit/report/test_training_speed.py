"""How fast trainings went, from the spans of their steps."""

from octo.report.training_speed import speed_figure, speeds_of
from octo.trace import Span


def step(stage: str, number: int, **attributes: float) -> Span:
    named = {f"octo.{name}": value for name, value in attributes.items()}
    return Span(
        name="octo.midtraining.step",
        trace_id="1" * 32,
        span_id=f"{number:016x}",
        parent_id="",
        start=number,
        end=number + 1,
        stage=stage,
        attributes={"octo.step": number, **named},
    )


def test_a_stage_is_as_fast_as_its_steps_say_and_a_step_done_again_as_it_was_last() -> None:
    spans = [step("stable", number, tokens_per_second=100.0 * number) for number in (3, 1, 2)]
    spans += [step("stable", 2, tokens_per_second=900.0), step("rl", 1), step("long", 1, tokens_per_second=5.0)]
    speeds = speeds_of(spans)
    assert list(speeds) == ["long", "stable"]
    assert speeds["stable"].steps == (1, 2, 3)
    assert speeds["stable"].values["tokens_per_second"] == (100.0, 900.0, 300.0)
    assert speeds["stable"].values["share_of_peak"] == (None, None, None)


def test_the_figure_names_the_share_of_the_peak_where_it_is_known_alone() -> None:
    known = [step("stable", number, tokens_per_second=7.0, share_of_peak=0.41) for number in (1, 2, 3)]
    unknown = [step("long", number, tokens_per_second=7.0) for number in (1, 2, 3)]
    drawing = speed_figure(speeds_of(known + unknown))
    assert drawing
    assert drawing.note.endswith("stable reached 41 % of the devices' peak.")
    assert "long" in drawing.svg


def test_without_speeds_there_is_no_figure() -> None:
    assert speed_figure(speeds_of([step("rl", 1)])) is None
