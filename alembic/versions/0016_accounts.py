"""users, projects, links and the audit log

Revision: 0016, after 0015, 2026-11-28 22:50:00
"""

import sqlalchemy as sa

from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None

HOME = 'prj_00000000000000000000000000000000'
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'users',
        sa.Column('id', sa.String(), nullable=False),
        sa.Column('email', sa.String(), nullable=False),
        sa.Column('password', sa.String(), nullable=False),
        sa.Column('is_operator', sa.Boolean(), nullable=False),
        sa.Column('disabled_at', MOMENT, nullable=True),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_users'),
        sa.UniqueConstraint('email', name='uq_users_email'),
    )
    op.create_table(
        'sign_ins',
        sa.Column('id', sa.String(), nullable=False),
        sa.Column('user_id', sa.String(), nullable=False),
        sa.Column('access', sa.String(), nullable=False),
        sa.Column('access_until', MOMENT, nullable=False),
        sa.Column('refresh', sa.String(), nullable=False),
        sa.Column('family', sa.String(), nullable=False),
        sa.Column('former_refresh', sa.String(), nullable=True),
        sa.Column('refreshed_at', MOMENT, nullable=False),
        sa.Column('expires_at', MOMENT, nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ['user_id'], ['users.id'], name='fk_sign_ins_user_id_users', ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name='pk_sign_ins'),
        sa.UniqueConstraint('access', name='uq_sign_ins_access'),
        sa.UniqueConstraint('refresh', name='uq_sign_ins_refresh'),
        sa.UniqueConstraint('family', name='uq_sign_ins_family'),
    )
    op.create_index('ix_sign_ins_user_id', 'sign_ins', ['user_id'])
    op.create_table(
        'api_keys',
        sa.Column('id', sa.String(), nullable=False),
        sa.Column('user_id', sa.String(), nullable=False),
        sa.Column('project_id', sa.String(), nullable=True),
        sa.Column('name', sa.String(), nullable=False),
        sa.Column('prefix', sa.String(), nullable=False),
        sa.Column('secret', sa.String(), nullable=False),
        sa.Column('former', sa.String(), nullable=True),
        sa.Column('former_until', MOMENT, nullable=True),
        sa.Column('scopes', sa.JSON(), nullable=False),
        sa.Column('expires_at', MOMENT, nullable=True),
        sa.Column('last_used_at', MOMENT, nullable=True),
        sa.Column('revoked_at', MOMENT, nullable=True),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ['user_id'], ['users.id'], name='fk_api_keys_user_id_users', ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name='pk_api_keys'),
        sa.UniqueConstraint('secret', name='uq_api_keys_secret'),
        sa.UniqueConstraint('former', name='uq_api_keys_former'),
    )
    op.create_index('ix_api_keys_user_id', 'api_keys', ['user_id'])
    op.create_index('ix_api_keys_project_id', 'api_keys', ['project_id'])
    projects = op.create_table(
        'projects',
        sa.Column('id', sa.String(), nullable=False),
        sa.Column('name', sa.String(), nullable=False),
        sa.Column('most_bytes', sa.BigInteger(), nullable=True),
        sa.Column('most_minutes', sa.Double(), nullable=True),
        sa.Column('most_cost', sa.Double(), nullable=True),
        sa.Column('most_jobs', sa.Integer(), nullable=True),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_projects'),
    )
    op.execute(
        sa.insert(projects).values(id=HOME, name='Home', created_at=sa.func.current_timestamp())
    )
    op.create_table(
        'members',
        sa.Column('project_id', sa.String(), nullable=False),
        sa.Column('user_id', sa.String(), nullable=False),
        sa.Column('role', sa.String(length=32), nullable=False),
        sa.Column('since', MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ['project_id'], ['projects.id'], name='fk_members_project_id_projects', ondelete='CASCADE'
        ),
        sa.ForeignKeyConstraint(
            ['user_id'], ['users.id'], name='fk_members_user_id_users', ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('project_id', 'user_id', name='pk_members'),
    )
    op.create_index('ix_members_user_id', 'members', ['user_id'])
    op.create_table(
        'holdings',
        sa.Column('video_id', sa.String(), nullable=False),
        sa.Column('project_id', sa.String(), nullable=False),
        sa.Column('seconds', sa.Double(), nullable=False),
        sa.Column('bytes', sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ['project_id'], ['projects.id'], name='fk_holdings_project_id_projects', ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('video_id', name='pk_holdings'),
    )
    op.create_index('ix_holdings_project_id', 'holdings', ['project_id'])
    op.execute(
        'INSERT INTO holdings (video_id, project_id, seconds, bytes) '
        f"SELECT id, '{HOME}', duration, file_size FROM videos"
    )
    op.create_table(
        'processed_media',
        sa.Column('project_id', sa.String(), nullable=False),
        sa.Column('month', sa.String(), nullable=False),
        sa.Column('seconds', sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ['project_id'], ['projects.id'], name='fk_processed_media_project_id_projects', ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('project_id', 'month', name='pk_processed_media'),
    )
    op.create_table(
        'links',
        sa.Column('id', sa.String(), nullable=False),
        sa.Column('video_id', sa.String(), nullable=False),
        sa.Column('user_id', sa.String(), nullable=True),
        sa.Column('key_id', sa.String(), nullable=True),
        sa.Column('target', sa.String(), nullable=False),
        sa.Column('secret', sa.String(), nullable=False),
        sa.Column('expires_at', MOMENT, nullable=False),
        sa.Column('created_at', MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ['video_id'], ['videos.id'], name='fk_links_video_id_videos', ondelete='CASCADE'
        ),
        sa.ForeignKeyConstraint(
            ['user_id'], ['users.id'], name='fk_links_user_id_users', ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('id', name='pk_links'),
    )
    op.create_index('ix_links_video_id', 'links', ['video_id'])
    op.create_index('ix_links_user_id', 'links', ['user_id'])
    op.create_index('ix_links_expires_at', 'links', ['expires_at'])
    op.add_column(
        'webhooks', sa.Column('project_id', sa.String(), nullable=False, server_default=HOME)
    )
    op.create_index('ix_webhooks_project_id', 'webhooks', ['project_id'])
    op.create_table(
        'audit',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('at', MOMENT, nullable=False),
        sa.Column('action', sa.String(length=32), nullable=False),
        sa.Column('actor', sa.String(), nullable=True),
        sa.Column('user_id', sa.String(), nullable=True),
        sa.Column('project_id', sa.String(), nullable=True),
        sa.Column('target', sa.String(), nullable=True),
        sa.Column('address', sa.String(), nullable=True),
        sa.Column('details', sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_audit'),
    )
    for column in ('at', 'actor', 'user_id', 'project_id'):
        op.create_index(f'ix_audit_{column}', 'audit', [column])
    _keep_as_it_is('audit')


def _keep_as_it_is(table: str) -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute(
            f"CREATE FUNCTION {table}_stays() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'the {table} log is append-only'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_stays()"
        )
        return
    for change in ('UPDATE', 'DELETE'):
        op.execute(
            f"CREATE TRIGGER {table}_stays_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'the {table} log is append-only'); END"
        )


def downgrade() -> None:
    op.drop_table('audit')
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('DROP FUNCTION audit_stays()')
    op.drop_index('ix_webhooks_project_id', 'webhooks')
    op.drop_column('webhooks', 'project_id')
    for table in ('links', 'processed_media', 'holdings', 'members', 'projects', 'api_keys', 'sign_ins', 'users'):
        op.drop_table(table)
