"""which project a call is for

Revision: 0019, after 0018, 2026-11-29 04:50:00
"""

import sqlalchemy as sa

from alembic import op

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('usage', sa.Column('project_id', sa.String(), nullable=True))
    op.execute(
        'UPDATE usage SET project_id = '
        '(SELECT holdings.project_id FROM holdings WHERE holdings.video_id = usage.video_id)'
    )
    op.create_index('ix_usage_project_id', 'usage', ['project_id', 'day', 'cost'])
    op.add_column('reservations', sa.Column('project_id', sa.String(), nullable=True))
    op.create_index('ix_reservations_project_id', 'reservations', ['project_id'])


def downgrade() -> None:
    op.drop_index('ix_reservations_project_id', 'reservations')
    op.drop_column('reservations', 'project_id')
    op.drop_index('ix_usage_project_id', 'usage')
    op.drop_column('usage', 'project_id')
