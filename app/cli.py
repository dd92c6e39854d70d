"""The command line: serve, worker, demo, doctor, users, keys and encryption."""

import argparse
import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from app.core.errors import InvalidSettings
from app.core.settings import Settings, load_settings

if TYPE_CHECKING:
    from fastapi import FastAPI

INVALID_SETTINGS = 2
GRACE_SECONDS = 3
LARGEST_HEAD = 32 * 1024  # of a request, in bytes
STOPPING = (signal.SIGINT, signal.SIGTERM)
SCOPES = ("videos:read", "videos:write", "jobs:run", "admin")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 when all went well, 2 for a setting that cannot be used."""
    chosen = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        match chosen.command:
            case "serve":
                return serve(settings)
            case "worker":
                return work(settings)
            case "demo":
                return demo(settings, chosen.video, chosen.source, chosen.target)
            case "users" | "keys" | "encryption":
                return administer(settings, chosen)
            case _:
                return examine(settings)
    except InvalidSettings as error:
        print(error, file=sys.stderr)
        return INVALID_SETTINGS


def serve(settings: Settings) -> int:
    """Serves until SIGINT or SIGTERM; says where on standard output."""
    with _listener(settings) as listener:
        from app.main import create_app

        app = create_app(settings)
        for number in STOPPING:
            signal.signal(number, _leave)
        asyncio.run(_serve(app, settings, listener))
    return 0


def work(settings: Settings) -> int:
    """Takes jobs from the queue, without HTTP, until SIGINT or SIGTERM."""
    from app.monitoring.logger import configure_logging

    configure_logging(settings.log_level)
    named = "worker_name" in settings.model_fields_set
    name = settings.worker_name if named else f"worker-{socket.gethostname()}-{os.getpid()}"
    asyncio.run(_work(settings.model_copy(update={"worker_name": name})))
    return 0


def demo(settings: Settings, video: Path | None, source: str, target: str) -> int:
    """Dubs a sample, or the video given, through the REST API of a server of its own."""
    from app.demo.run import run_demo

    return run_demo(settings, video, source, target)


def administer(settings: Settings, chosen: argparse.Namespace) -> int:
    """Looks after users, their keys and those of the data, also while the server runs."""
    if chosen.command == "encryption":
        return encrypt(settings, chosen.action)
    from app.administration import run_administration

    return asyncio.run(run_administration(settings, chosen))


def encrypt(settings: Settings, action: str) -> int:
    """Prints what was done, or a new key."""
    from app import encryption
    from app.storage.encryption.root_keys import new_key

    match action:
        case "key":
            print(new_key())
        case "rotate":
            print(asyncio.run(encryption.rotate(settings)))
        case "new-data-key":
            print(asyncio.run(encryption.begin_data_key(settings)))
        case _:
            print(asyncio.run(encryption.apply(settings)))
    sys.stdout.flush()
    os._exit(0)  # threads of the object store may still be at work, and abort an interpreter that ends


def examine(settings: Settings) -> int:
    """Prints what works and what is missing; 1 when something required is."""
    from app.doctor import run_doctor
    from app.monitoring.logger import configure_logging

    configure_logging("WARNING")
    return asyncio.run(run_doctor(settings))


async def _serve(app: "FastAPI", settings: Settings, listener: socket.socket) -> None:
    """The lifespan is entered here and not by uvicorn, so that what keeps it from starting is told in a
    line instead of a trace."""
    import uvicorn

    events = app.state.resources.events

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            """Open event streams would be waited for."""
            events.close()
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        log_level=settings.log_level.lower(),
        access_log=settings.log_level == "DEBUG",
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    async with app.router.lifespan_context(app):
        _keep_what_is_loaded()
        url = _url_of(listener)
        print(f"Listening on {url}\nAPI page at {url}/docs", flush=True)
        await Server(config).serve(sockets=[listener])


async def _work(settings: Settings) -> None:
    from app.resources import Resources

    stopped = asyncio.Event()
    for number in STOPPING:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    resources = Resources(settings)
    await resources.start()
    _keep_what_is_loaded()
    try:
        print(f"Working as {settings.worker_name}", flush=True)
        await stopped.wait()
    finally:
        await resources.close()


def _keep_what_is_loaded() -> None:
    """It stays until the end: to look through it for garbage again and again would hold up the event loop for
    a tenth of a second each time."""
    gc.freeze()


def _leave(number: int, frame: FrameType | None) -> None:
    """uvicorn stops by itself and then raises the signal anew: being asked to stop is no failure."""
    raise SystemExit(0)


def _url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _listener(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while")[0]
        where = f"{settings.host}:{settings.port}"
        raise InvalidSettings(f"HOST, PORT: cannot listen on {where}: {reason}") from error
    # Connections inherit it. Without it the last part of an answer waits 40 ms for the client's word on the
    # first: asyncio sets it only where the protocol is named, which `create_server` does not.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app",
        description="A video translation and dubbing server. Its settings come from the environment "
        "or .env; .env.example lists them.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("serve", help="serve the REST API and do its jobs")
    commands.add_parser("worker", help="do jobs beside a server that shares the database and the data")
    demo_parser = commands.add_parser("demo", help="dub a sample, or a video of yours, through the API")
    demo_parser.add_argument("video", nargs="?", type=Path, help="a video file; default: a sample is made")
    demo_parser.add_argument("--from", dest="source", default="auto", help="its language; default: detected")
    demo_parser.add_argument("--to", dest="target", default="es", help="the language wanted; default: es")
    keys = commands.add_parser("encryption", help="make, rotate and begin keys, or seal what is readable yet")
    actions = keys.add_subparsers(dest="action", required=True, metavar="action")
    actions.add_parser("key", help="print a new root key, for ENCRYPTION_KEY")
    actions.add_parser("rotate", help="have another root key protect the data; servers may run")
    actions.add_parser("new-data-key", help="seal what is new with another key, from the next start on")
    actions.add_parser("apply", help="seal what was stored with ENCRYPTION=off, while nothing else runs")
    commands.add_parser("doctor", help="say what works, what is missing and how to get it")
    _add_users(commands.add_parser("users", help="make, list and disable users"))
    _add_keys(commands.add_parser("keys", help="make, list and revoke API keys"))
    return parser


def _add_users(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    actions.add_parser("list", help="everybody")
    add = actions.add_parser(
        "add", help="make a user; the password is asked for twice, or read from standard input"
    )
    add.add_argument("email")
    add.add_argument("--operator", action="store_true", help="looks after the server; the first user does")
    for name, about in (
        ("password", "set a new password; every sign-in ends"),
        ("disable", "end their sign-ins and revoke their keys"),
        ("enable", "let them sign in again"),
    ):
        actions.add_parser(name, help=about).add_argument("email")


def _add_keys(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    add = actions.add_parser("add", help="make a key; it is printed once")
    add.add_argument("email", help="whose it is")
    add.add_argument("name", help="what it is for")
    add.add_argument(
        "--scope", action="append", choices=SCOPES, help="what it may do; default: all but admin"
    )
    add.add_argument("--days", type=float, help="how long it works; default: for ever")
    actions.add_parser("list", help="a user's keys").add_argument("email")
    actions.add_parser("revoke", help="end a key at once").add_argument("key_id")
