"""which videos a result of the memo was used for

Revision: 0018, after 0017, 2026-11-28 23:50:00
"""

import sqlalchemy as sa

from alembic import op

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'memo_uses',
        sa.Column('key', sa.String(), nullable=False),
        sa.Column('video_id', sa.String(), nullable=False),
        sa.PrimaryKeyConstraint('key', 'video_id', name='pk_memo_uses'),
    )
    op.create_index('ix_memo_uses_video_id', 'memo_uses', ['video_id'])


def downgrade() -> None:
    op.drop_table('memo_uses')
