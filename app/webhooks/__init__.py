"""Signed messages to other servers about what happens to tasks."""
