"""what is stored for a video, object by object

Revision: 0020, after 0019, 2026-11-29 05:00:00
"""

import sqlalchemy as sa

from alembic import op

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'held_objects',
        sa.Column('key', sa.String(), nullable=False),
        sa.Column('video_id', sa.String(), nullable=False),
        sa.Column('bytes', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('key', name='pk_held_objects'),
    )
    op.create_index('ix_held_objects_video_id', 'held_objects', ['video_id'])
    insert = 'INSERT INTO held_objects (key, video_id, bytes) '
    op.execute(f'{insert}SELECT path, id, file_size FROM videos WHERE path IS NOT NULL')
    op.execute(f'{insert}SELECT path, video_id, file_size FROM generated_videos')
    held = 'SELECT sum(held_objects.bytes) FROM held_objects WHERE held_objects.video_id = holdings.video_id'
    op.execute(f'UPDATE holdings SET bytes = coalesce(({held}), 0)')


def downgrade() -> None:
    op.drop_table('held_objects')
