"""How much a caller may send: requests in a time, bytes in a body."""
