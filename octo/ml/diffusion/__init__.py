"""Masked diffusion (DiffuCoder, arXiv 2506.20639): noise, training, decoding, and what its order of decoding says."""
