"""pass@k without bias (Chen et al. 2021, equation 1)."""

from math import comb


def pass_at_k(num_samples: int, num_correct: int, k: int) -> float:
    """The chance that at least one of k samples drawn without replacement is correct: 1 - C(n-c, k) / C(n, k)."""
    if not 1 <= k <= num_samples:
        raise ValueError(f"k must lie between 1 and the {num_samples} samples, got {k}")
    return 1.0 - comb(num_samples - num_correct, k) / comb(num_samples, k)
