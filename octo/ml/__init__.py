"""Training, reinforcement learning and evaluation of models: the only torch."""
