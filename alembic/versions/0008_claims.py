"""results that a process is making

Revision: 0008, after 0007, 2026-11-25 13:00:00
"""

import sqlalchemy as sa

import app.core.database
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('memo_claims',
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('process', sa.String(), nullable=False),
    sa.Column('until', app.core.database.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_memo_claims'))
    )


def downgrade() -> None:
    op.drop_table('memo_claims')
