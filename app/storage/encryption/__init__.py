"""Encryption at rest: root keys wrap data keys, data keys wrap the keys of objects and seal texts."""
