"""The benchmark of `make gpu`, run at a tiny size on the processor, and what is said where there is no GPU."""

import sys
from pathlib import Path

import pytest
import torch

from tests.gpu import __main__ as driver
from tests.gpu import benchmark
from tests.gpu.cards import PEAKS, shares_of_peak

HERE = Path(__file__).parent
RATES = {
    "card": {"product_tflops", "copy_terabytes_per_second"},
    "midtraining": {"tokens_per_second", "seconds_per_step"},
    "rollout": {"tokens_per_second", "completions"},
    "diffusion_decoding": {"tokens_per_second", "forward_passes_per_second"},
}


@pytest.mark.parametrize("name", RATES)
def test_a_part_prints_its_figures_at_a_tiny_size(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    assert benchmark.print_part(name, benchmark.TINY, torch.device("cpu"))
    printed = dict(line.split(": ") for line in capsys.readouterr().out.splitlines())
    assert printed.keys() == {f"{name}.{figure}" for figure in RATES[name]}
    assert all(float(value) > 0 for value in printed.values())


def test_a_part_whose_package_is_missing_is_skipped_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark, "find_spec", lambda _name: None)
    assert benchmark.print_part("midtraining_by_deepspeed", benchmark.TINY, torch.device("cpu"))
    assert capsys.readouterr().err == "midtraining_by_deepspeed: skipped: DeepSpeed is not installed here\n"


def test_a_part_that_fails_does_not_keep_the_next_from_being_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(size: benchmark.Size, device: torch.device) -> dict[str, float]:
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(benchmark, "PARTS", {"first": fail, "second": lambda _size, _device: {"figure": 2.0}})
    assert benchmark.main([]) == 1
    captured = capsys.readouterr()
    assert captured.out == "second.figure: 2\n"
    assert captured.err == "first: failed: no room\n"


def test_the_model_that_is_measured_has_the_weights_of_half_a_billion() -> None:
    with torch.device("meta"):
        model = benchmark.AutoModelForCausalLM.from_config(benchmark.FULL.config)
    assert sum(parameter.numel() for parameter in model.parameters()) == 494_032_768  # Qwen2.5-0.5B's own
    # The embedding is a look-up, and the head that is tied to it a product.
    assert benchmark._body_weights(model) + benchmark._head_weights(model) == pytest.approx(494_032_768, rel=1e-3)


def test_a_share_is_of_the_cards_own_peak_and_unknown_of_another_card() -> None:
    assert shares_of_peak("NVIDIA H200", flops_per_second=989.4e12 / 4) == {"share_of_peak": 0.25}
    assert shares_of_peak("NVIDIA H200", bytes_per_second=2.4e12) == {"share_of_peak_bandwidth": 0.5}
    assert shares_of_peak("NVIDIA of tomorrow", flops_per_second=1e12) == {}
    assert all(peak.source and 0 < peak.terabytes < peak.tflops for peak in PEAKS.values())


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_machine_without_a_gpu_is_told_so_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert driver.main() == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"no GPU: torch {torch.__version__} finds none on this machine")
    assert said.err.count("\n") == 1


def test_a_machine_that_lacks_a_package_is_told_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "LACKED", ("pydantic", "no_such_package"))
    assert "lacks no_such_package, which octo needs: call make gpu-packages" in driver.trouble_of_machine()
    monkeypatch.setattr(driver, "NEEDED", ("no_such_torch",))
    assert driver.trouble_of_machine().endswith("make gpu GPU_PYTHON=/path/to/python3")


def test_a_part_that_takes_too_long_is_stopped_and_says_so() -> None:
    assert driver.run([sys.executable, "-c", "import time; time.sleep(60)"], seconds=0.01) == (
        "stopped after 0 s, so that what was still to come is missing"
    )


def test_every_test_that_needs_a_gpu_is_in_the_folder_that_make_gpu_runs() -> None:
    marked = [path for path in HERE.parent.rglob("*.py") if "mark.gpu" in path.read_text()]
    assert {path.parent for path in marked} == {HERE}
