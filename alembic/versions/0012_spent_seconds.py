"""what all processes spend in a minute

Revision: 0012, after 0011, 2026-11-28 19:30:00
"""

import sqlalchemy as sa

from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'spent_seconds',
        sa.Column('second', sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column('requests', sa.Integer(), nullable=False),
        sa.Column('tokens', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('second', name=op.f('pk_spent_seconds')),
    )


def downgrade() -> None:
    op.drop_table('spent_seconds')
