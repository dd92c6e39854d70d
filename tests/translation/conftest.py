"""A loopback engine server and a connection to it, as the tests of the engines have them."""

from tests.engines.conftest import client, running_server, server

__all__ = ["client", "running_server", "server"]
