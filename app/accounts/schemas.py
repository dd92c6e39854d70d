"""The shapes of accounts in the API."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, EmailStr, Field, SecretStr

from app.accounts.keys import KeyTerms
from app.accounts.models import ApiKey, User
from app.core.caller import CallerKind, Scope
from app.core.schemas import Id, ProjectId, RequestModel, Response, Timestamp
from app.core.text import OneLine
from app.projects.models import Role


def _in_utc(moment: datetime) -> datetime:
    """Raises `ValueError` for what is no year of the calendar there."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is out of the calendar") from error


SHORTEST_PASSWORD = 12
LONGEST_OVERLAP = 30 * 24 * 3600

UserId = Annotated[
    Id, Field(description="Id of the user.", examples=["usr_0199c3a4b5d67e8f90a1b2c3d4e5f607"])
]
KeyId = Annotated[Id, Field(description="Id of the key.", examples=["key_0199c3a4b5d67e8f90a1b2c3d4e5f607"])]
Email = Annotated[
    EmailStr, Field(max_length=254, description="E-mail address.", examples=["you@example.org"])
]
Password = Annotated[
    SecretStr, Field(max_length=200, description="The password.", examples=["correct horse battery"])
]
NewPassword = Annotated[
    SecretStr,
    Field(
        min_length=SHORTEST_PASSWORD,
        max_length=200,
        description="At least 12 characters.",
        examples=["correct horse battery"],
    ),
]
Name = Annotated[
    OneLine,
    Field(min_length=1, max_length=100, description="For people.", examples=["Nightly import"]),
]
Scopes = Annotated[list[Scope], Field(description="What it may do.", examples=[["videos:read", "jobs:run"]])]


class Credentials(RequestModel):
    """What somebody signs in with."""

    email: Email
    password: Password


class AccessToken(Response):
    """For `Authorization: Bearer`. What draws the next one is in a cookie that scripts cannot read."""

    access_token: str = Field(description="Keep it in memory only.", examples=["vda_8c1…"])
    token_type: Literal["Bearer"] = Field(default="Bearer", description="Always `Bearer`.")
    expires_at: Timestamp = Field(description="Draw the next one with POST /api/auth/refresh before.")


class UserDetails(Response):
    """A user."""

    user_id: UserId
    email: str = Field(description="E-mail address.", examples=["you@example.org"])
    is_operator: bool = Field(description="Whether they look after the whole server.")
    disabled: bool = Field(description="Whether they can sign in no more.")
    created_at: Timestamp


class AccountDetails(Response):
    """Who makes the request."""

    signed_in_by: CallerKind = Field(description="How that is known.")
    user: UserDetails | None = Field(description="Null where there are no users.")
    scopes: Scopes
    project_id: ProjectId | None = Field(description="Where only one project can be reached.")


class PasswordChange(RequestModel):
    """A new password; every sign-in ends, keys stay."""

    current: Password
    new: NewPassword


class PasswordConfirmation(RequestModel):
    """For what a stolen token must not do."""

    password: Password


class NewUser(RequestModel):
    """Somebody who is to sign in."""

    email: Email
    password: NewPassword
    is_operator: bool = Field(default=False, description="Whether they look after the whole server.")


class UserChange(RequestModel):
    """Disabling ends their sign-ins and revokes their keys; their videos stay."""

    disabled: bool = Field(description="Whether they can sign in no more.")


class UserList(Response):
    """Everybody."""

    users: list[UserDetails] = Field(description="The oldest first.")


class NewKey(RequestModel):
    """What a key is for. It can be given no more than the one who makes it has."""

    name: Name
    scopes: list[Annotated[Scope, Field(strict=False)]] = Field(
        min_length=1,
        max_length=len(Scope),
        description="`videos:read` reads, `videos:write` uploads, edits and deletes, `jobs:run` starts and "
        "cancels tasks, `admin` is about projects, members, webhooks and keys.",
        examples=[["videos:read", "videos:write", "jobs:run"]],
    )
    project_id: ProjectId | None = Field(default=None, description="If it is to lead into this project only.")
    expires_at: Annotated[AwareDatetime, AfterValidator(_in_utc)] | None = Field(
        default=None,
        strict=False,
        description="RFC 3339; never without.",
        examples=["2027-11-28T00:00:00Z"],
    )

    def terms(self, scopes: frozenset[Scope], latest: datetime | None) -> KeyTerms:
        """It does not outlive the key that makes it, if one does."""
        ends = [moment for moment in (self.expires_at, latest) if moment is not None]
        return KeyTerms(self.name, scopes, self.project_id, min(ends, default=None))


class KeyDetails(Response):
    """An API key, without its secret."""

    key_id: KeyId
    name: str = Field(description="For people.", examples=["Nightly import"])
    prefix: str = Field(description="How the secret begins.", examples=["vdk_8c1xQz2p"])
    scopes: Scopes
    project_id: ProjectId | None = Field(description="Where it leads into one project only.")
    created_at: Timestamp
    expires_at: Timestamp | None = Field(description="Null for never.")
    last_used_at: Timestamp | None = Field(description="To a minute; null for never.")
    former_until: Timestamp | None = Field(description="Until when the secret before the last one works.")


class KeyList(Response):
    """Your keys."""

    keys: list[KeyDetails] = Field(description="The oldest first.")


class CreatedKey(KeyDetails):
    """The only time that the secret is shown."""

    secret: str = Field(description="Only a hash of it is kept.", examples=["vdk_8c1xQz2p…"])


class Rotation(RequestModel):
    """How long both secrets work."""

    overlap_seconds: int = Field(
        default=24 * 3600, ge=0, le=LONGEST_OVERLAP, description="0 ends the old secret at once."
    )

    @property
    def overlap(self) -> timedelta:
        return timedelta(seconds=self.overlap_seconds)


class MemberChange(RequestModel):
    """Adds somebody to a project, or changes what they may do there."""

    email: Email
    role: Role = Field(strict=False, description="`viewer` looks, `editor` changes and runs, `owner` rules.")


class MemberDetails(Response):
    """Somebody in a project."""

    user_id: UserId
    email: str = Field(description="E-mail address.", examples=["you@example.org"])
    role: Role = Field(description="What they may do.")
    since: Timestamp


class MemberList(Response):
    """Everybody in a project."""

    members: list[MemberDetails] = Field(description="In the order they came.")


def user_details(user: User) -> UserDetails:
    return UserDetails(
        user_id=user.id,
        email=user.email,
        is_operator=user.is_operator,
        disabled=user.disabled_at is not None,
        created_at=user.created_at,
    )


def key_details(key: ApiKey) -> KeyDetails:
    return KeyDetails(
        key_id=key.id,
        name=key.name,
        prefix=key.prefix,
        scopes=[Scope(scope) for scope in key.scopes],
        project_id=key.project_id,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        former_until=key.former_until,
    )
