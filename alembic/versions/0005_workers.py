"""processes that give signs of life

Revision: 0005, after 0004, 2026-11-25 11:00:00
"""

import sqlalchemy as sa

from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'workers',
        sa.Column('name', sa.String(), nullable=False),
        sa.Column('home', sa.String(), nullable=False),
        sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('name', name='pk_workers'),
    )


def downgrade() -> None:
    op.drop_table('workers')
