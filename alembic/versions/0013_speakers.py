"""a translated line has a speaker of its own only where a user set one

Revision: 0013, after 0012, 2026-11-28 19:40:00
"""

from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        'UPDATE translation_segments SET speaker = NULL WHERE speaker = ('
        'SELECT source.speaker FROM subtitle_segments AS source'
        ' WHERE source.video_id = translation_segments.video_id AND source.id = translation_segments.id)'
    )


def downgrade() -> None:
    op.execute(
        'UPDATE translation_segments SET speaker = ('
        'SELECT source.speaker FROM subtitle_segments AS source'
        ' WHERE source.video_id = translation_segments.video_id AND source.id = translation_segments.id)'
        ' WHERE speaker IS NULL'
    )
