"""how many jobs every process does at once

Revision: 0009, after 0008, 2026-11-25 13:40:00
"""

import sqlalchemy as sa

from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('workers', sa.Column('queues', sa.JSON(), nullable=False, server_default='[]'))


def downgrade() -> None:
    op.drop_column('workers', 'queues')
