"""Who calls, as far as the connection tells."""

from ipaddress import IPv6Address, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

# What one customer of a provider holds: 2⁶⁴ addresses are to count as one.
CUSTOMER_PREFIX = 64
# What proxies add: whoever is behind one is not on this machine.
FORWARDING = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


def client_network(scope: Scope) -> str:
    """The client's address, or the network of an IPv6 one; `unknown` where the server is not told."""
    client = scope.get("client")
    if client is None:
        return "unknown"
    try:
        address = ip_address(client[0])
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((address, CUSTOMER_PREFIX), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)


def is_local(scope: Scope) -> bool:
    """Whether it comes from this very machine and not through a proxy on it."""
    headers = Headers(scope=scope)
    host = headers.get("host", "").lower()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return (
        _is_loopback(client_network(scope))
        and name in LOCAL_NAMES
        and not any(header in headers for header in FORWARDING)
    )


def _is_loopback(network: str) -> bool:
    return network.startswith("127.") or network == "::/64"
