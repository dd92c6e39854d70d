"""Signing links: HMAC-SHA-256 over the method, the target, the link's id and its end."""

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

LINK, EXPIRES, SIGNATURE = "link", "expires", "signature"
ADDED = (LINK, EXPIRES, SIGNATURE)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a link says: its id, where it leads and until when, in seconds of the Unix epoch."""

    link_id: str
    target: str
    expires: int


class LinkSigner:
    """`key` has 32 random bytes, the same in all processes."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, ticket: Ticket) -> str:
        """The path and query of the link."""
        added = urlencode({LINK: ticket.link_id, EXPIRES: ticket.expires, SIGNATURE: self._signature(ticket)})
        return f"{ticket.target}{'&' if '?' in ticket.target else '?'}{added}"

    def read(self, url: str) -> Ticket | None:
        """What a link says; None if it is not exactly as it was signed."""
        parts = urlsplit(url)
        items = parse_qsl(parts.query, keep_blank_values=True)
        added = {name: value for name, value in items if name in ADDED}
        rest = urlencode([(name, value) for name, value in items if name not in ADDED])
        expires = added.get(EXPIRES, "")
        if len(items) != len(set(items)) or not (expires.isascii() and expires.isdigit()):
            return None
        ticket = Ticket(added.get(LINK, ""), f"{parts.path}?{rest}" if rest else parts.path, int(expires))
        given = added.get(SIGNATURE, "").encode()
        return ticket if hmac.compare_digest(self._signature(ticket).encode(), given) else None

    def _signature(self, ticket: Ticket) -> str:
        said = "\n".join(("GET", ticket.target, ticket.link_id, str(ticket.expires)))
        return hmac.new(self._key, said.encode(), hashlib.sha256).hexdigest()


def link_key(home: Path) -> bytes:
    """The key of the server whose data are in `home`; made when it is first wanted."""
    path = home / "keys" / "links.key"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    except FileExistsError:
        pass
    return path.read_bytes()
