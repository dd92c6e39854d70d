"""What ends a demo early."""


class DemoFailed(Exception):
    """What went wrong and what to do next, for the person at the terminal."""


class ServerStopped(DemoFailed):
    """Its log says why."""

    def __init__(self) -> None:
        super().__init__("The server stopped.")
