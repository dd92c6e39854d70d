"""Who calls, as far as the connection tells."""

from ipaddress import IPv6Address, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

# What one customer of a provider may hold: all its addresses are to count as one.
CUSTOMER_PREFIX = 56
# What proxies add: whoever is behind one is not on this machine.
FORWARDING = (
    "forwarded",
    "via",
    "x-forwarded-",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
)
# What nginx speaks to what is behind it unless it is told otherwise; no browser and no curl does.
PROXY_VERSION = "1.0"


def client_network(scope: Scope) -> str:
    """The client's address, or the network of an IPv6 one; `unknown` where the server is not told."""
    client = scope.get("client")
    return network_of(client and client[0])


def network_of(host: str | None) -> str:
    """All the addresses that whoever has this one is likely to have; `unknown` for what is no address."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((address, CUSTOMER_PREFIX), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)


def is_local(scope: Scope) -> bool:
    """Whether it comes from this very machine, sent to it by a name of its own and not through a proxy."""
    headers = Headers(scope=scope)
    return (
        all(end is not None and is_loopback(end[0]) for end in (scope.get("client"), scope.get("server")))
        and is_loopback(_name_of(headers.get("host", "")))
        and scope.get("http_version") != PROXY_VERSION
        and not any(name.startswith(FORWARDING) for name in headers)
    )


def is_loopback(host: str) -> bool:
    """`localhost`, or an address that leads nowhere else."""
    try:
        return host.lower() == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _name_of(host: str) -> str:
    """Of a `Host` header, without the port."""
    return host if host.endswith("]") else host.rpartition(":")[0] or host
