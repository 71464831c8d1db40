"""Asking a language model through any OpenAI-compatible service, each question once."""
