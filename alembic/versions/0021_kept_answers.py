"""whose the requests of keys are, and what they are about

Revision: 0021, after 0020, 2026-11-29 04:40:00
"""

import sqlalchemy as sa

from alembic import op

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None

COLUMNS = ('user_id', 'about')


def upgrade() -> None:
    for column in COLUMNS:
        op.add_column('idempotency_keys', sa.Column(column, sa.String(), nullable=True))
        op.create_index(f'ix_idempotency_keys_{column}', 'idempotency_keys', [column])
    # a key begins with the id of a user or of an API key
    subject = 'substr(key, 1, 36)'
    op.execute(
        'UPDATE idempotency_keys SET user_id = coalesce('
        f'(SELECT id FROM users WHERE id = {subject}), '
        f'(SELECT api_keys.user_id FROM api_keys WHERE id = {subject}))'
    )


def downgrade() -> None:
    for column in COLUMNS:
        op.drop_index(f'ix_idempotency_keys_{column}', 'idempotency_keys')
        op.drop_column('idempotency_keys', column)
