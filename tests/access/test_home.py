"""A server without users answers whoever is on its machine, and nobody else."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.access.people import PASSWORD
from tests.live_server import ROOT, Json, LiveServer

Console = Callable[..., "subprocess.CompletedProcess[str]"]
FOREIGN = {
    "another host's name": {"Host": "dub.example"},
    "a page of another site": {"Origin": "https://evil.example"},
    "a page of another site, sent without Origin": {"Sec-Fetch-Site": "cross-site"},
    "a page that may not say where it is from": {"Origin": "null"},
    "another server on this machine": {"Origin": "http://localhost:3000"},
    "a proxy (Forwarded)": {"Forwarded": "for=203.0.113.7"},
    "a proxy (X-Forwarded-For)": {"X-Forwarded-For": "127.0.0.1"},
    "a proxy (Via)": {"Via": "1.1 proxy"},
    "a proxy (X-Real-IP)": {"X-Real-IP": "127.0.0.1"},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    data = tmp_path_factory.mktemp("home") / "data"
    with LiveServer(data, CORS_ORIGINS="https://front.example") as server:
        yield server


@pytest.fixture
def newborn(tmp_path: Path) -> Iterator[LiveServer]:
    """A server of the test's own."""
    with LiveServer(tmp_path / "data") as server:
        yield server


@pytest.fixture
def console(newborn: LiveServer) -> Console:
    """`python -m app …` beside the running server."""

    def run(*arguments: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            input=typed,
            capture_output=True,
            text=True,
            cwd=newborn.data_dir.parent,
            env={"DATA_DIR": str(newborn.data_dir), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            check=False,
        )

    return run


def test_whoever_is_on_the_machine_owns_it(home: LiveServer) -> None:
    account: Json = home.http.get("/api/account").raise_for_status().json()
    assert (account["signed_in_by"], account["user"]) == ("home", None)
    assert home.http.get("/api/workers").is_success
    projects = home.http.get("/api/projects").json()["projects"]
    assert [each["name"] for each in projects] == ["Home"]


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_nobody_else_does(home: LiveServer, headers: dict[str, str]) -> None:
    answer = home.http.get("/api/videos", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "setup_required")
    assert "python -m app users add" in answer.json()["next"]


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_by_any_of_its_names(home: LiveServer, name: str) -> None:
    assert home.http.get("/api/videos", headers={"Host": f"{name}:{home.port}"}).is_success


@pytest.mark.parametrize("headers", [{"Origin": "https://front.example", "Sec-Fetch-Site": "cross-site"}, {}])
def test_a_front_end_that_is_known_may_ask(home: LiveServer, headers: dict[str, str]) -> None:
    own = {"Origin": home.url}
    assert home.http.get("/api/videos", headers=headers or own).is_success


def test_a_wrong_key_is_wrong_at_home_too(home: LiveServer) -> None:
    answer = home.http.get("/api/videos", headers={"X-API-Key": "vdk_wrong"})
    assert answer.json()["code"] == "credentials_invalid"


def test_nor_by_a_proxy_that_does_not_say_so(home: LiveServer) -> None:
    """nginx speaks HTTP/1.0 to what is behind it, by its own name for that."""
    with socket.create_connection(("127.0.0.1", home.port)) as connection:
        connection.sendall(f"GET /api/users HTTP/1.0\r\nHost: 127.0.0.1:{home.port}\r\n\r\n".encode())
        assert b" 403 " in connection.recv(100)


def test_keys_are_for_users(home: LiveServer) -> None:
    answer = home.http.post("/api/keys", json={"name": "mine", "scopes": ["videos:read"]})
    assert answer.json()["code"] == "setup_required"


def test_a_server_for_others_asks_for_users(tmp_path: Path) -> None:
    """Whatever address it is asked at."""
    with LiveServer(tmp_path / "data", HOST="0.0.0.0") as server:
        answer = server.http.get("/api/videos")
        assert (answer.status_code, answer.json()["code"]) == (403, "setup_required")
        assert server.http.get("/healthz").is_success


def test_from_the_first_user_on_nobody_is_at_home(
    newborn: LiveServer, console: Console, short_clip: Path
) -> None:
    """What was made before is the first one's."""
    before = newborn.upload(short_clip)
    link = newborn.http.post(f"/api/videos/{before}/links", json={"path": "file"}).json()["url"]
    assert newborn.http.get(link).is_success
    made = console("users", "add", "Ann@Example.org", typed=f"{PASSWORD}\n")
    assert (made.returncode, made.stderr) == (0, "")
    assert "ann@example.org operator" in made.stdout
    assert newborn.http.get("/api/videos").json()["code"] == "credentials_missing"
    assert newborn.http.get(link).json()["code"] == "link_invalid"
    key = console("keys", "add", "ann@example.org", "laptop", "--scope", "videos:read")
    headers = {"X-API-Key": key.stdout.splitlines()[-1]}
    videos = newborn.http.get("/api/videos", headers=headers).raise_for_status().json()["videos"]
    assert [video["video_id"] for video in videos] == [before]


def test_the_console_refuses(newborn: LiveServer, console: Console) -> None:
    """A command that cannot be is 2, one that was refused is 1."""
    assert console("users", "add", "ann@example.org", typed="short\n").returncode == 2
    assert console("users", "add", "nonsense", typed=f"{PASSWORD}\n").returncode == 2
    assert console("users", "list").stdout == "There are no users.\n"
    unknown = console("keys", "revoke", "key_none")
    assert (unknown.returncode, "key_none" in unknown.stderr) == (1, True)


@pytest.mark.parametrize(
    ("again", "code", "told"), [(PASSWORD, 0, ""), ("something else", 2, "The two passwords differ.")]
)
def test_a_password_that_nobody_sees_is_typed_twice(
    newborn: LiveServer, again: str, code: int, told: str
) -> None:
    """On a terminal."""
    terminal, keyboard = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "app", "users", "add", "ann@example.org"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "DATA_DIR": str(newborn.data_dir)},
        cwd=newborn.data_dir.parent,
        stdin=keyboard,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        for prompt, typed in ((b"Password: ", PASSWORD), (b"The same again: ", again)):
            assert _is_asked(process, prompt)
            os.write(terminal, f"{typed}\n".encode())
        _, rest = process.communicate(timeout=60)
    os.close(terminal)
    os.close(keyboard)
    assert (process.returncode, rest.decode().strip()) == (code, told)


def test_the_console_lets_in_and_out(newborn: LiveServer, console: Console) -> None:
    console("users", "add", "ann@example.org", typed=f"{PASSWORD}\n")
    only = console("users", "disable", "ann@example.org")
    assert (only.returncode, "needs an operator" in only.stderr) == (1, True)
    console("users", "password", "ann@example.org", typed="another long one\n")
    assert _signs_in(newborn, "ann@example.org", "another long one")
    made = console("keys", "add", "ann@example.org", "laptop", "--days", "1").stdout.splitlines()
    key_id, secret = made[0].split()[0], made[1]
    assert newborn.http.get("/api/videos", headers={"X-API-Key": secret}).is_success
    listed = console("keys", "list", "ann@example.org").stdout
    assert (key_id in listed, secret in listed) == (True, False)
    console("keys", "revoke", key_id)
    assert newborn.http.get("/api/videos", headers={"X-API-Key": secret}).status_code == 401


def _is_asked(process: "subprocess.Popen[bytes]", prompt: bytes) -> bool:
    """Waits for it on standard error; False if the process ends without."""
    assert process.stderr is not None
    told = b""
    while not told.endswith(prompt):
        if not (more := process.stderr.read(1)):
            return False
        told += more
    return True


def _signs_in(server: LiveServer, email: str, password: str) -> bool:
    with httpx.Client(base_url=server.url) as browser:
        return browser.post("/api/auth/sign-in", json={"email": email, "password": password}).is_success
