"""The demo: a server of its own, and a client that dubs one video through the REST API."""
