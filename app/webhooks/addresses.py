"""Where webhooks may lead: not into the network that the server itself is in."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable

import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What a gateway turns into any IPv4 address.
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(httpx.ConnectError):
    """The host has an address that webhooks may not lead to, or none at all."""


async def resolve(host: str, port: int, *, private: bool) -> str:
    """An address of the host. Raises `AddressRefused` if any of them is not public, unless `private` ones
    are wanted."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressRefused(f"{host} has no address") from error
    addresses = [str(address[0]).partition("%")[0] for *_, address in found]
    refused = [] if private else [text for text in addresses if not _is_public(text)]
    if refused or not addresses:
        raise AddressRefused(f"{host} is at {', '.join(refused)}, which is not a public address")
    return addresses[0]


class CheckedTransport(httpx.AsyncHTTPTransport):
    """Connects to the very address that was checked: a name that is looked up again may give another."""

    def __init__(self, *, private: bool) -> None:
        super().__init__(trust_env=False)
        self._private = private

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        address = await resolve(url.host, port, private=self._private)
        checked = httpx.Request(
            request.method,
            url.copy_with(host=address),
            headers=request.headers,  # with the Host of the name
            stream=request.stream,
            extensions=request.extensions | {"sni_hostname": url.host},
        )
        return await super().handle_async_request(checked)


def _is_public(text: str) -> bool:
    return all(address.is_global and not address.is_multicast for address in _meant(text))


def _meant(text: str) -> Iterable[Address]:
    """The address, and the IPv4 address inside it if there is one."""
    address = ipaddress.ip_address(text)
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        inside = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in NAT64:
            inside.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        yield from (embedded for embedded in inside if embedded is not None)
