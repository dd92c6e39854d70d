"""what calls under way are expected to cost

Revision: 0011, after 0010, 2026-11-28 19:20:00
"""

import sqlalchemy as sa

from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'reservations',
        sa.Column('id', sa.String(), nullable=False),
        sa.Column('account', sa.String(), nullable=False),
        sa.Column('process', sa.String(), nullable=False),
        sa.Column('cost', sa.Double(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_reservations')),
    )
    op.create_index(op.f('ix_reservations_account'), 'reservations', ['account'])


def downgrade() -> None:
    op.drop_table('reservations')
