"""the event log, webhooks, and requests that may be sent again

Revision: 0006, after 0005, 2026-11-25 10:00:00
"""

import sqlalchemy as sa

import app.core.database
from alembic import op

revision = '0006'
down_revision = '0005'
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

    op.create_table(
        'webhooks',
        sa.Column('id', sa.String(), nullable=False),
        sa.Column('url', sa.String(), nullable=False),
        sa.Column('secret', sa.String(), nullable=False),
        sa.Column('kinds', sa.JSON(), nullable=False),
        sa.Column('base_url', sa.String(), nullable=False),
        sa.Column('locale', sa.String(), nullable=False),
        sa.Column('cursor', sa.BigInteger(), nullable=False),
        sa.Column('holder', sa.String(), nullable=True),
        sa.Column('held_until', TIME, nullable=False),
        sa.Column('created_at', TIME, nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_webhooks')),
    )
    op.create_table(
        'webhook_deliveries',
        sa.Column('id', sa.String(), nullable=False),
        sa.Column('webhook_id', sa.String(), nullable=False),
        sa.Column('event_id', sa.BigInteger(), nullable=False),
        sa.Column('kind', KIND, nullable=False),
        sa.Column('task_id', sa.String(), nullable=False),
        sa.Column('body', sa.Text(), nullable=False),
        sa.Column('status', KIND, nullable=False),
        sa.Column('attempts', sa.JSON(), nullable=False),
        sa.Column('next_attempt_at', TIME, nullable=True),
        sa.Column('give_up_at', TIME, nullable=False),
        sa.Column('created_at', TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ['webhook_id'],
            ['webhooks.id'],
            name=op.f('fk_webhook_deliveries_webhook_id_webhooks'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_deliveries')),
    )
    op.create_index('ix_webhook_deliveries_webhook_id', 'webhook_deliveries', ['webhook_id'])
    op.create_index('ix_webhook_deliveries_due', 'webhook_deliveries', ['status', 'next_attempt_at'])
    op.create_index('ix_webhook_deliveries_created_at', 'webhook_deliveries', ['created_at'])


def downgrade() -> None:
    op.drop_table('webhook_deliveries')
    op.drop_table('webhooks')
    op.drop_table('idempotency_keys')
    op.drop_table('events')
