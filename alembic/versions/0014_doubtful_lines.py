"""which lines of a translation are doubtful

Revision: 0014, after 0013, 2026-11-28 19:45:00
"""

import sqlalchemy as sa

from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('translations', sa.Column('doubtful', sa.JSON(), nullable=False, server_default='[]'))


def downgrade() -> None:
    op.drop_column('translations', 'doubtful')
