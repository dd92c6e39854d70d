"""Runs the migrations on the connection the server hands over, or on DATABASE_URL from the command line."""

import asyncio

from sqlalchemy.engine import Connection

import app.accounts.models
import app.audit.models
import app.idempotency.models
import app.jobs.models
import app.jobs.workers
import app.ledger.models
import app.links.models
import app.memo
import app.projects.models
import app.render.models
import app.subtitles.models
import app.translation.models
import app.tts.models
import app.videos.models
import app.webhooks.models  # noqa: F401 - importing the models fills the metadata
from alembic import context
from app.core.database import Base, Database
from app.core.settings import load_settings
from app.storage.encryption.setup import Encryption


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


async def migrate_from_command_line() -> None:
    settings = load_settings()
    encryption = Encryption(settings)
    await encryption.start()
    database = Database(settings.database, encryption.texts)
    async with database.engine.begin() as connection:
        await connection.run_sync(migrate)
    await database.close()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    asyncio.run(migrate_from_command_line())
