"""whether the times of subtitles are estimated

Revision: 0015, after 0014, 2026-11-28 19:50:00
"""

import sqlalchemy as sa

from alembic import op

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        'subtitles',
        sa.Column('has_estimated_times', sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    op.drop_column('subtitles', 'has_estimated_times')
