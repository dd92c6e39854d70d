"""the event log

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
KIND = sa.String(32)


def upgrade() -> None:
    op.create_table(
        'events',
        sa.Column('id', BIG_ID, nullable=False),
        sa.Column('task_id', sa.String(), nullable=False),
        sa.Column('video_id', sa.String(), nullable=False),
        sa.Column('kind', KIND, nullable=False),
        sa.Column('task', sa.JSON(), nullable=False),
        sa.Column('created_at', app.core.database.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_events')),
        sqlite_autoincrement=True,
    )
    op.create_index('ix_events_task', 'events', ['task_id', 'id'])
    op.create_index('ix_events_video', 'events', ['video_id', 'id'])
    op.create_index('ix_events_created_at', 'events', ['created_at'])


def downgrade() -> None:
    op.drop_table('events')
