"""what calls cost, what the memo saves, and what was made from what

Revision: 0007, after 0006, 2026-11-25 10:00:00
"""

import sqlalchemy as sa

import app.core.database
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

JSON_LIST = sa.text("'[]'")
TRACKS = (
    ('subtitles', 'subtitles', ''),
    ('translation', 'translations', ' AND track.target_language = artifacts.language'),
)
MOMENT = app.core.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table('usage',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('task_id', sa.String(), nullable=True),
    sa.Column('parent_id', sa.String(), nullable=True),
    sa.Column('video_id', sa.String(), nullable=True),
    sa.Column('engine', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('model', sa.String(), nullable=False),
    sa.Column('input_tokens', sa.Integer(), nullable=True),
    sa.Column('output_tokens', sa.Integer(), nullable=True),
    sa.Column('audio_seconds', sa.Double(), nullable=True),
    sa.Column('characters', sa.Integer(), nullable=True),
    sa.Column('cost', sa.Double(), nullable=True),
    sa.Column('price_date', sa.Date(), nullable=True),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('created_at', MOMENT, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_usage'))
    )
    for name in ('task_id', 'parent_id', 'video_id', 'day'):
        op.create_index(f'ix_usage_{name}', 'usage', [name])
    with op.batch_alter_table('memo') as table:
        table.add_column(sa.Column('cost', sa.Double(), nullable=True))
        table.add_column(sa.Column('seconds', sa.Double(), nullable=True))
        table.add_column(sa.Column('condemned_at', MOMENT, nullable=True))
        table.create_index('ix_memo_condemned_at', ['condemned_at'])
    op.create_index('ix_tts_segments_clip', 'tts_segments', ['clip'])
    op.create_table('partial_results',
    sa.Column('task_id', sa.String(), nullable=False),
    sa.Column('attempt', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('position', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('segments', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['task_id'], ['jobs.id'], name=op.f('fk_partial_results_task_id_jobs'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('task_id', 'attempt', 'position', name=op.f('pk_partial_results'))
    )
    op.add_column('artifacts', sa.Column('revision', sa.Integer(), nullable=False, server_default='1'))
    op.add_column('artifacts', sa.Column('made_from', sa.JSON(), nullable=False, server_default=JSON_LIST))
    for kind, table, same in TRACKS:
        newest = f'SELECT revision FROM {table} AS track WHERE track.video_id = artifacts.video_id{same}'
        op.execute(f"UPDATE artifacts SET revision = coalesce(({newest}), 1) WHERE kind = '{kind}'")


def downgrade() -> None:
    op.drop_column('artifacts', 'made_from')
    op.drop_column('artifacts', 'revision')
    op.drop_table('partial_results')
    op.drop_index('ix_tts_segments_clip', 'tts_segments')
    with op.batch_alter_table('memo') as table:
        table.drop_index('ix_memo_condemned_at')
        for name in ('condemned_at', 'seconds', 'cost'):
            table.drop_column(name)
    op.drop_table('usage')
