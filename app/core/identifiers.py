"""Ids: a prefix that tells the kind, and a UUIDv7 in hex, so that ids sort by age."""

import re

import uuid_utils


def new_id(prefix: str) -> str:
    """`new_id("vid")` gives `vid_0198f…`; 32 hex digits follow the prefix."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"


def is_id(text: str, prefix: str) -> bool:
    """Whether `new_id(prefix)` could have made it."""
    return re.fullmatch(rf"{prefix}_[0-9a-f]{{32}}", text) is not None
