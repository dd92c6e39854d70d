"""Whether who has shown who they are is still known: for what lasts longer than a request."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ApiKey, SignIn, User
from app.accounts.service import has_users
from app.core.caller import Caller, CallerKind


async def is_still_known(session: AsyncSession, caller: Caller) -> bool:
    """False once the key is revoked, the sign-in has ended or the user is disabled; at home, once there are
    users."""
    if caller.kind is CallerKind.HOME:
        return not await has_users(session)
    enabled = select(User.id).where(User.id == caller.user_id, User.disabled_at.is_(None))
    if caller.kind is CallerKind.KEY:
        held = select(ApiKey.id).where(ApiKey.id == caller.id, ApiKey.revoked_at.is_(None))
    else:
        held = select(SignIn.id).where(SignIn.id == caller.id)
    return await session.scalar(enabled.where(held.exists())) is not None
