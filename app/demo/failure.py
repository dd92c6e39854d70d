"""What ends a demo early."""


class DemoFailed(Exception):
    """What went wrong and what to do next, for the person at the terminal."""
