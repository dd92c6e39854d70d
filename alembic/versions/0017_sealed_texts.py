"""what users wrote rests sealed, where there are keys

Revision: 0017, after 0016, 2026-11-28 23:20:00
"""

import sqlalchemy as sa

from alembic import op
from app.core.sealed_columns import SealedBytes, SealedJson, SealedLongText, SealedText, open_rows, seal_rows

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

KEYS = {
    'videos': ('id',),
    'subtitles': ('video_id',),
    'subtitle_segments': ('video_id', 'id'),
    'translations': ('video_id', 'target_language'),
    'translation_segments': ('video_id', 'language', 'id'),
    'tts': ('video_id', 'language'),
    'tts_segments': ('video_id', 'language', 'id'),
    'partial_results': ('task_id', 'attempt', 'position'),
    'jobs': ('id',),
    'events': ('id',),
    'webhooks': ('id',),
    'webhook_deliveries': ('id',),
    'idempotency_keys': ('key',),
}
SEALED = {
    SealedText: (
        'videos.filename', 'videos.title', 'videos.description',
        'subtitle_segments.text', 'subtitle_segments.speaker',
        'translations.title',
        'translation_segments.source_text', 'translation_segments.translated_text',
        'translation_segments.speaker',
        'tts_segments.text', 'tts_segments.translated_text',
        'webhooks.url', 'webhooks.secret',
    ),
    SealedLongText: ('webhook_deliveries.body',),
    SealedJson: (
        'subtitles.whisper_options', 'subtitles.left_out',
        'subtitle_segments.words',
        'translation_segments.shorter',
        'tts.voices',
        'tts_segments.delivery', 'tts_segments.failure',
        'partial_results.segments',
        'jobs.request', 'jobs.message_details', 'jobs.result', 'jobs.error_details',
        'events.task',
        'webhook_deliveries.attempts',
        'idempotency_keys.headers',
    ),
    SealedBytes: ('idempotency_keys.content',),
}
NUMBERS = ('attempt', 'position')


def tables():
    for name, keys in KEYS.items():
        sealed = [
            sa.Column(column.partition('.')[2], kind(column))
            for kind, columns in SEALED.items()
            for column in columns
            if column.partition('.')[0] == name
        ]
        yield sa.Table(name, sa.MetaData(), *(_key(name, key) for key in keys), *sealed)


def _key(table, name):
    is_number = name in NUMBERS or (name == 'id' and (table == 'events' or table.endswith('_segments')))
    return sa.Column(name, sa.BigInteger() if is_number else sa.String(), primary_key=True)


def upgrade() -> None:
    for table in tables():
        seal_rows(op.get_bind(), table)


def downgrade() -> None:
    for table in tables():
        open_rows(op.get_bind(), table)
