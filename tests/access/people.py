"""The people in the tests of who may do what, on a server that has users."""

from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.live_server import Json, LiveServer

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Person:
    """Somebody with credentials; `headers` carry them."""

    name: str
    headers: dict[str, str]
    user_id: str = ""

    @property
    def email(self) -> str:
        return f"{self.name}@example.org"


NOBODY = Person("nobody", {})


class Town:
    """An operator, who is the first user; Ann, who shares a project with Ed, its editor, and Vic, a viewer;
    and Otto, who has nothing to do with them."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.http = server.http
        self.operator = self._first()
        self.ann, self.ed, self.vic, self.otto = map(self._newcomer, ("ann", "ed", "vic", "otto"))
        self.project = self._post(self.ann, "/api/projects", {"name": "Ann's"})["project_id"]
        for person, role in ((self.ed, "editor"), (self.vic, "viewer")):
            self.share(person, role)

    def share(self, person: Person, role: str) -> httpx.Response:
        return self.http.put(
            f"/api/projects/{self.project}/members",
            json={"email": person.email, "role": role},
            headers=self.ann.headers,
        )

    def sign_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        """In a browser of its own."""
        with httpx.Client(base_url=self.server.url, headers={"Accept-Language": "en"}) as browser:
            return browser.post("/api/auth/sign-in", json={"email": email, "password": password})

    def key(self, person: Person, *scopes: str, **terms: object) -> Json:
        """A new API key of the person, with its secret."""
        body = {"name": "test", "scopes": scopes or ["videos:read"], **terms}
        return self._post(person, "/api/keys", body)

    def upload(self, person: Person, clip: Path, **fields: str) -> httpx.Response:
        with clip.open("rb") as file:
            return self.http.post(
                "/api/videos/upload",
                files={"video": (clip.name, file)},
                data=fields,
                headers=person.headers,
            )

    def newcomer(self, name: str) -> Person:
        """One more user, with a project of their own."""
        return self._newcomer(name)

    def _first(self) -> Person:
        body = {"email": "operator@example.org", "password": PASSWORD}
        user = self.http.post("/api/users", json=body).raise_for_status().json()
        return self._signed_in("operator", user["user_id"])

    def _newcomer(self, name: str) -> Person:
        body = {"email": f"{name}@example.org", "password": PASSWORD}
        return self._signed_in(name, self._post(self.operator, "/api/users", body)["user_id"])

    def _signed_in(self, name: str, user_id: str) -> Person:
        tokens = self.sign_in(f"{name}@example.org").raise_for_status().json()
        return Person(name, {"Authorization": f"Bearer {tokens['access_token']}"}, user_id)

    def _post(self, person: Person, path: str, body: object) -> Json:
        answer = self.http.post(path, json=body, headers=person.headers)
        made: Json = answer.raise_for_status().json()
        return made
