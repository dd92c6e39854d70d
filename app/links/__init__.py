"""Signed links to files, for `<video src>` and for people without an account."""
