"""The memo: content-addressed results of units that cost money or seconds.

It is the checkpoint of a job, the cache of what engines answered, and the reason why an edit of one line
re-does one line.
"""

from app.memo.lookup import costs_since, remembered
from app.memo.models import MemoEntry
from app.memo.service import Memo
from app.memo.units import Unit, digest

__all__ = ["Memo", "MemoEntry", "Unit", "costs_since", "digest", "remembered"]
