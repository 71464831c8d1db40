"""octo: from raw documents to a reasoning policy or a diffusion coder, with proof of how it got there."""

__version__ = "0.1.0"
