"""The push ledger: its tables, and the triggers that keep them append-only; and the locks of the locations."""

import sqlalchemy as sa
from alembic import op

revision = "v0001_ledger"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
INSTANT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
EXACT = sa.Text().with_variant(sa.Numeric(), "postgresql")

UNIQUE = {
    "pushes": [["number"], ["id"]],
    "push_cells": [["push", "position"]],
    "transitions": [["number"], ["push", "sequence"]],
    "readings": [["number"]],
    "publications": [["push", "position"]],
    "decisions": [["push"]],
    "alerts": [["number"], ["kind", "subject", "sequence"]],
    "inventory_reads": [["number"]],
}
"""The append-only tables, and by which columns SQLite would take a new row for an old one."""


def upgrade() -> None:
    """Make everything."""
    _make_pushes()
    _make_rates()
    _make_the_rest()
    if op.get_bind().dialect.name == "sqlite":
        _index_open_on_sqlite()
        _close_on_sqlite()
    else:
        _index_open_on_postgres()
        _close_on_postgres()


def _number() -> sa.Column[int]:
    return sa.Column("number", NUMBER, primary_key=True)


def _push(is_key: bool = False) -> sa.Column[int]:
    return sa.Column("push", NUMBER, sa.ForeignKey("pushes.number"), primary_key=is_key, nullable=False)


def _text(name: str, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _make_pushes() -> None:
    op.create_table(
        "pushes",
        _number(),
        sa.Column("id", sa.Text(), nullable=False, unique=True),
        _text("location"),
        _text("currency"),
        _text("tax_basis", nullable=True),
        _text("asked_by"),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("read_at", INSTANT),
        _text("origin_kind"),
        _text("origin_name"),
        _text("origin_digest", nullable=True),
        _text("checks", nullable=True),
        _text("follows", nullable=True),
    )
    op.create_index("pushes_of_location", "pushes", ["location", "number"])
    op.create_table(
        "push_cells",
        _push(is_key=True),
        sa.Column("position", sa.Integer(), primary_key=True),
        _text("cell"),
        sa.Column("old_amount", EXACT),
        sa.Column("old_is_own", sa.Boolean()),
        sa.Column("old_is_derived", sa.Boolean()),
        sa.Column("new_amount", EXACT, nullable=False),
        _text("binding_rule", nullable=True),
        sa.Column("binding_limit", EXACT),
        _text("votes", nullable=True),
    )
    op.create_table(
        "transitions",
        _number(),
        _push(),
        sa.Column("sequence", sa.Integer(), nullable=False),
        _text("location"),
        _text("state"),
        sa.Column("at", INSTANT, nullable=False),
        _text("by"),
        _text("why"),
        sa.Column("exposed_s", sa.Float()),
        sa.UniqueConstraint("push", "sequence", name="transitions_of_push"),
    )
    op.create_index("transitions_of_location", "transitions", ["location", "number"])
    op.create_index("transitions_to_state", "transitions", ["state", "push"])
    op.create_index("transitions_to_state_of_location", "transitions", ["state", "location", "push"])
    op.create_table("open_pushes", _push(is_key=True))


def _make_rates() -> None:
    op.create_table(
        "readings",
        _number(),
        _text("cell"),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("amount", EXACT, nullable=False),
        sa.Column("is_own", sa.Boolean(), nullable=False),
        sa.Column("is_derived", sa.Boolean(), nullable=False),
        _push(),
    )
    op.create_index("readings_of_cell", "readings", ["cell", "at", "number"])
    op.create_table(
        "publications",
        _push(is_key=True),
        sa.Column("position", sa.Integer(), primary_key=True),
        _text("location"),
        _text("cell"),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("amount", EXACT, nullable=False),
        sa.Column("previous", EXACT),
        sa.Column("read_back", EXACT),
    )
    op.create_index("publications_of_location", "publications", ["location", "at"])
    op.create_index("publications_of_cell", "publications", ["cell", "at"])


def _make_the_rest() -> None:
    op.create_table(
        "decisions",
        _push(is_key=True),
        sa.Column("approved", sa.Boolean(), nullable=False),
        _text("by"),
        sa.Column("at", INSTANT, nullable=False),
        _text("why"),
    )
    op.create_table(
        "alerts",
        _number(),
        _text("kind"),
        _text("subject"),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("is_raised", sa.Boolean(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        _text("severity", nullable=True),
        _text("location", nullable=True),
        _text("message", nullable=True),
        _text("next_step", nullable=True),
        _text("push_id", nullable=True),
        sa.UniqueConstraint("kind", "subject", "sequence", name="alerts_of_subject"),
    )
    op.create_index("alerts_of_location", "alerts", ["location", "number"])
    op.create_table("inventory_reads", _number(), _text("location"), sa.Column("at", INSTANT, nullable=False))
    op.create_index("inventory_reads_of_location", "inventory_reads", ["location", "at"])
    op.create_table(
        "fences",
        sa.Column("location", sa.Text(), primary_key=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "locks",
        sa.Column("location", sa.Text(), primary_key=True),
        _text("owner"),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", INSTANT),
    )


def _index_open_on_sqlite() -> None:
    op.execute("""
        CREATE TRIGGER transitions_open AFTER INSERT ON transitions WHEN NEW.state IN ('PREPARED', 'IN_PROGRESS')
        BEGIN INSERT INTO open_pushes VALUES (NEW.push) ON CONFLICT DO NOTHING; END
    """)
    op.execute("""
        CREATE TRIGGER transitions_end AFTER INSERT ON transitions WHEN NEW.state NOT IN ('PREPARED', 'IN_PROGRESS')
        BEGIN DELETE FROM open_pushes WHERE push = NEW.push; END
    """)


def _index_open_on_postgres() -> None:
    op.execute("""
        CREATE FUNCTION index_open_pushes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.state IN ('PREPARED', 'IN_PROGRESS') THEN
                INSERT INTO open_pushes VALUES (NEW.push) ON CONFLICT DO NOTHING;
            ELSE
                DELETE FROM open_pushes WHERE push = NEW.push;
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER transitions_open AFTER INSERT ON transitions
        FOR EACH ROW EXECUTE FUNCTION index_open_pushes()
    """)


def _close_on_sqlite() -> None:
    for table, keys in UNIQUE.items():
        refusal = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for change in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} {refusal}")
        # INSERT OR REPLACE deletes the old row without asking the triggers for deletions.
        same = " OR ".join("(" + " AND ".join(f"{name} = NEW.{name}" for name in key) + ")" for key in keys)
        replaces = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608
        op.execute(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {replaces} {refusal}")


def _close_on_postgres() -> None:
    op.execute("""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
    """)
    for table in UNIQUE:
        op.execute(f"""
            CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """)
