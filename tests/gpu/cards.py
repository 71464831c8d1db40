"""What a card can do at most, by the name that torch gives it.

Dense bfloat16 products with float32 sums, and bytes to and from its memory, as NVIDIA's data sheets of each card state
them; where a sheet gives rates with structured sparsity alone, half of that. A share of such a rate says how far a
program is from the card's limit, whatever else the machine is.
"""

from typing import NamedTuple


class Peak(NamedTuple):
    """The rates of one card."""

    tflops: float
    """bfloat16 operations per second, in 1e12."""
    terabytes: float
    """Bytes per second of its memory, in 1e12."""
    source: str


PEAKS = {
    "NVIDIA A100-SXM4-40GB": Peak(312, 1.555, "A100 data sheet"),
    "NVIDIA A100-SXM4-80GB": Peak(312, 2.039, "A100 data sheet"),
    "NVIDIA A100 80GB PCIe": Peak(312, 1.935, "A100 data sheet"),
    "NVIDIA H100 80GB HBM3": Peak(989.4, 3.35, "H100 data sheet, SXM"),
    "NVIDIA H100 PCIe": Peak(756, 2.0, "H100 data sheet, PCIe"),
    "NVIDIA H200": Peak(989.4, 4.8, "H200 data sheet, SXM"),
    "NVIDIA L4": Peak(121, 0.3, "L4 data sheet"),
    "NVIDIA L40S": Peak(362, 0.864, "L40S data sheet"),
}


def shares_of_peak(card: str, *, flops_per_second: float = 0.0, bytes_per_second: float = 0.0) -> dict[str, float]:
    """The shares of a card's rates, of those that are given; none of a card that the table does not know."""
    peak = PEAKS.get(card)
    if peak is None:
        return {}
    shares = {
        "share_of_peak": flops_per_second / (peak.tflops * 1e12),
        "share_of_peak_bandwidth": bytes_per_second / (peak.terabytes * 1e12),
    }
    return {name: share for name, share in shares.items() if share}
