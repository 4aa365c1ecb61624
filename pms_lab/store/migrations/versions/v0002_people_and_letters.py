"""What can be erased: people, and the dead letters of the locations."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "v0002_people_and_letters"
down_revision = "v0001_ledger"

INSTANT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
IS_OPEN = sa.text("status IN ('pending', 'retrying')")


def upgrade() -> None:
    """Make everything."""
    op.create_table(
        "people",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("sealed_name", sa.Text()),
        sa.Column("name_index", sa.Text(), unique=True),
    )
    op.create_table(
        "letter_queues",
        sa.Column("location", sa.Text(), primary_key=True),
        sa.Column("last", sa.Integer(), nullable=False),
    )
    _make_letters()


def _make_letters() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("key_index", sa.Text(), nullable=False),
        sa.Column("sealed_write", sa.Text(), nullable=False),
        sa.Column("sealed_error", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=False),
        sa.Column("first_attempt_at", INSTANT, nullable=False),
        sa.Column("last_attempt_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("in_doubt_since", INSTANT),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("resolved_by", sa.Text()),
        sa.Column("resolved_at", INSTANT),
        sa.Column("sealed_notes", sa.Text(), nullable=False),
        sa.Column("claimed_by", sa.Text()),
        sa.Column("claimed_until", INSTANT),
        sa.UniqueConstraint("location", "sequence", name="letters_in_order"),
    )
    op.create_index("letters_of_key", "dead_letters", ["location", "key_index"])
    _index_open("open_letters_of_key", "key_index", unique=True)
    _index_open("open_letters_of_entity", "entity", "sequence")
    _index_open("open_letters_in_order", "sequence")


def _index_open(name: str, *columns: str, unique: bool = False) -> None:
    where: dict[str, Any] = {"sqlite_where": IS_OPEN, "postgresql_where": IS_OPEN}
    op.create_index(name, "dead_letters", ["location", *columns], unique=unique, **where)
