"""work that is shared, in stages and by priority

Revision: 0003, after 0002, 2026-11-25 09:20:00
"""

import sqlalchemy as sa

from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('jobs') as table:
        table.add_column(sa.Column('parent_id', sa.String(), nullable=True))
        table.add_column(sa.Column('worker', sa.String(), nullable=True))
        table.add_column(sa.Column('priority', sa.Integer(), nullable=False, server_default='0'))
        table.add_column(sa.Column('reference', sa.String(), nullable=True))
        table.add_column(sa.Column('max_cost', sa.Double(), nullable=True))
        table.add_column(sa.Column('not_before', sa.DateTime(timezone=True), nullable=True))
        table.create_foreign_key('fk_jobs_parent_id_jobs', 'jobs', ['parent_id'], ['id'], ondelete='CASCADE')
        table.create_index('ix_jobs_parent_id', ['parent_id'])
        table.create_index('ix_jobs_reference', ['reference'])
    with op.batch_alter_table('videos') as table:
        table.add_column(sa.Column('reference', sa.String(), nullable=True))
        table.create_index('ix_videos_reference', ['reference'])


def downgrade() -> None:
    with op.batch_alter_table('videos') as table:
        table.drop_index('ix_videos_reference')
        table.drop_column('reference')
    with op.batch_alter_table('jobs') as table:
        table.drop_index('ix_jobs_reference')
        table.drop_index('ix_jobs_parent_id')
        table.drop_constraint('fk_jobs_parent_id_jobs', type_='foreignkey')
        for name in ('not_before', 'max_cost', 'reference', 'priority', 'worker', 'parent_id'):
            table.drop_column(name)
