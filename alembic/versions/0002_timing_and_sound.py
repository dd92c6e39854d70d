"""timing, speakers and sound

Revision: 0002, after 0001, 2026-11-23 21:40:00
"""

import sqlalchemy as sa

from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

JSON_LIST = sa.text("'[]'")
JSON_OBJECT = sa.text("'{}'")


def upgrade() -> None:
    with op.batch_alter_table('subtitles') as table:
        table.add_column(sa.Column('left_out', sa.JSON(), nullable=False, server_default=JSON_LIST))
    with op.batch_alter_table('subtitle_segments') as table:
        table.add_column(sa.Column('speaker', sa.String(), nullable=True))
    with op.batch_alter_table('translations') as table:
        table.add_column(sa.Column('missed_terms', sa.JSON(), nullable=False, server_default=JSON_LIST))
    with op.batch_alter_table('translation_segments') as table:
        table.add_column(sa.Column('speaker', sa.String(), nullable=True))
        table.add_column(sa.Column('shorter', sa.JSON(), nullable=False, server_default=JSON_LIST))
    # The whole track is made from its lines when somebody asks for it.
    with op.batch_alter_table('tts') as table:
        table.drop_column('track_path')
        table.drop_column('audio_path')
        table.add_column(sa.Column('voices', sa.JSON(), nullable=False, server_default=JSON_OBJECT))
    with op.batch_alter_table('tts_segments') as table:
        table.alter_column('audio_path', new_column_name='clip', existing_type=sa.String(), nullable=True)
        table.add_column(sa.Column('translated_text', sa.String(), nullable=True))
        table.add_column(sa.Column('natural_duration', sa.Double(), nullable=True))
        table.add_column(sa.Column('attempts', sa.Integer(), nullable=False, server_default='1'))
        table.add_column(sa.Column('rewrites', sa.Integer(), nullable=False, server_default='0'))
        table.add_column(sa.Column('cost', sa.Double(), nullable=True))
        table.add_column(sa.Column('failure', sa.JSON(), nullable=True))
    with op.batch_alter_table('generated_videos') as table:
        table.add_column(sa.Column('languages', sa.JSON(), nullable=False, server_default=JSON_LIST))


def downgrade() -> None:
    with op.batch_alter_table('generated_videos') as table:
        table.drop_column('languages')
    with op.batch_alter_table('tts_segments') as table:
        for name in ('failure', 'cost', 'rewrites', 'attempts', 'natural_duration', 'translated_text'):
            table.drop_column(name)
        table.alter_column('clip', new_column_name='audio_path', existing_type=sa.String(), nullable=False)
    with op.batch_alter_table('tts') as table:
        table.drop_column('voices')
        table.add_column(sa.Column('audio_path', sa.String(), nullable=False, server_default=''))
        table.add_column(sa.Column('track_path', sa.String(), nullable=False, server_default=''))
    with op.batch_alter_table('translation_segments') as table:
        table.drop_column('shorter')
        table.drop_column('speaker')
    with op.batch_alter_table('translations') as table:
        table.drop_column('missed_terms')
    with op.batch_alter_table('subtitle_segments') as table:
        table.drop_column('speaker')
    with op.batch_alter_table('subtitles') as table:
        table.drop_column('left_out')
