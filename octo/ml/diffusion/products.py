"""The shape in which states meet a head's weights at the speed that a processor has.

Axes: N states, D width.
"""

from torch import Tensor
from torch.nn.functional import pad

MULTIPLE = 8
"""Of states that are multiplied with a head at once. A product with one state less took 1.2 to 1.8 times as long."""


def filled_up(states_ND: Tensor) -> Tensor:
    """The states, and below them zeros up to a multiple of `MULTIPLE`; so few as that are multiplied as they are."""
    return pad(states_ND, (0, 0, 0, -len(states_ND) % MULTIPLE)) if len(states_ND) > MULTIPLE else states_ND
