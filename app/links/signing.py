"""Signing links: HMAC-SHA-256 over the method, the target, the link's id and its end."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from app.core.caller import EXPIRES, LINK, LINK_PARAMETERS, SIGNATURE

# What databases take for an id, and a time in them for seconds.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SECONDS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a link says: its id, where it leads and until when, in seconds of the Unix epoch."""

    link_id: str
    target: str
    expires: int

    def signature(self, secret: str) -> str:
        """As only who knows the link's secret can make it."""
        said = "\n".join(("GET", self.target, self.link_id, str(self.expires)))
        return hmac.new(secret.encode(), said.encode(), hashlib.sha256).hexdigest()

    def url(self, secret: str) -> str:
        """The path and query of the link."""
        added = {LINK: self.link_id, EXPIRES: self.expires, SIGNATURE: self.signature(secret)}
        return f"{self.target}{'&' if '?' in self.target else '?'}{urlencode(added)}"


@dataclass(frozen=True, slots=True)
class SignedTicket:
    """A link as it came; nothing of it is to be believed before it `is_by` the secret."""

    ticket: Ticket
    signature: str

    def is_by(self, secret: str) -> bool:
        return hmac.compare_digest(self.ticket.signature(secret).encode(), self.signature.encode())


def read_link(path: str, query: str) -> SignedTicket | None:
    """None if that is no link. They are taken as the application takes them, and not put together and parsed
    again: a `#` would end what is signed before what is served."""
    items = parse_qsl(query, keep_blank_values=True)
    added = [(name, value) for name, value in items if name in LINK_PARAMETERS]
    told = dict(added)
    is_whole = len(added) == len(told) == len(LINK_PARAMETERS)
    if not (is_whole and _ID.fullmatch(told[LINK]) and _SECONDS.fullmatch(told[EXPIRES])):
        return None
    rest = urlencode([(name, value) for name, value in items if name not in LINK_PARAMETERS])
    target = f"{path}?{rest}" if rest else path
    return SignedTicket(Ticket(told[LINK], target, int(told[EXPIRES])), told[SIGNATURE])
