"""Reinforcement learning: rollouts, rewards, and the GRPO update."""
