"""since when a job is paused

Revision: 0004, after 0003, 2026-11-25 09:40:00
"""

import sqlalchemy as sa

from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('jobs') as table:
        table.add_column(sa.Column('paused_since', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('jobs') as table:
        table.drop_column('paused_since')
