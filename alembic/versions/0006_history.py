"""the event log, and requests that may be sent again

Revision: 0006, after 0003, 2026-11-25 10:00:00
"""

import sqlalchemy as sa

import app.core.database
from alembic import op

revision = '0006'
down_revision = '0003'
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
TIME = app.core.database.UtcDateTime(timezone=True)
KIND = sa.String(32)


def upgrade() -> None:
    op.create_table(
        'events',
        sa.Column('id', BIG_ID, nullable=False),
        sa.Column('task_id', sa.String(), nullable=False),
        sa.Column('video_id', sa.String(), nullable=False),
        sa.Column('kind', KIND, nullable=False),
        sa.Column('task', sa.JSON(), nullable=False),
        sa.Column('created_at', TIME, nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_events')),
        sqlite_autoincrement=True,
    )
    op.create_index('ix_events_task', 'events', ['task_id', 'id'])
    op.create_index('ix_events_video', 'events', ['video_id', 'id'])
    op.create_index('ix_events_created_at', 'events', ['created_at'])

    op.create_table(
        'idempotency_keys',
        sa.Column('key', sa.String(), nullable=False),
        sa.Column('target', sa.String(), nullable=False),
        sa.Column('token', sa.String(), nullable=False),
        sa.Column('held_until', TIME, nullable=False),
        sa.Column('committed', sa.Boolean(), nullable=False),
        sa.Column('body', sa.String(), nullable=True),
        sa.Column('status', sa.Integer(), nullable=True),
        sa.Column('headers', sa.JSON(), nullable=True),
        sa.Column('content', sa.LargeBinary(), nullable=True),
        sa.Column('created_at', TIME, nullable=False),
        sa.PrimaryKeyConstraint('key', name=op.f('pk_idempotency_keys')),
    )
    op.create_index('ix_idempotency_keys_created_at', 'idempotency_keys', ['created_at'])


def downgrade() -> None:
    op.drop_table('idempotency_keys')
    op.drop_table('events')
