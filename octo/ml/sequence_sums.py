"""What the losses of tokens come to in each sequence, in an order that no device chooses.

Axes: B sequences, S positions, N tokens that carry loss.
"""

import torch
from torch import Tensor

from octo.ml.devices import brought


def sums_of_sequences(losses_N: Tensor, where_N: tuple[Tensor, ...], counted_BS: Tensor) -> Tensor:
    """Each sequence's sum of losses and how many tokens carry them; shape (B, 2), float64.

    Args:
        losses_N: of tokens.
        where_N: their sequences and positions, each once, on any device.
        counted_BS: which tokens the losses are a mean over.
    """
    device = losses_N.device
    losses_BS = torch.zeros(counted_BS.shape, dtype=torch.float64, device=device)
    # Each place once: nothing is added in an order that a device chooses.
    losses_BS[tuple(brought(each, device) for each in where_N)] = losses_N.detach().double()
    return torch.stack((losses_BS.sum(dim=1), brought(counted_BS.sum(dim=1).double(), device)), dim=1)
