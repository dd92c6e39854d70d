"""which lines of a translation are doubtful

Revision: 0010, after 0009, 2026-11-28 19:30:00
"""

import sqlalchemy as sa

from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('translations', sa.Column('doubtful', sa.JSON(), nullable=False, server_default='[]'))


def downgrade() -> None:
    op.drop_column('translations', 'doubtful')
