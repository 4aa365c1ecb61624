"""Databases for tests: new ones, and gone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import uuid4

import psycopg
from sqlalchemy import insert, select

from pms_lab.store.database import Database
from pms_lab.store.tables import INVENTORY_READS, METADATA
from tests.conftest import ROOT, required
from tests.contracts.book import NOON

POSTGRES_URL: Final = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/test")
ROW: Final = {"location": "DESK", "at": NOON}
"""Of the table `inventory_reads`, which stands for all others where it does not matter what is written."""


@contextmanager
def new_schema() -> Iterator[str]:
    """Yield the address of a schema of its own in PostgreSQL."""
    required("PostgreSQL", _is_up(), f"start it, or name one in TEST_POSTGRES_URL; tried {POSTGRES_URL}")
    schema = f"pms_lab_test_{uuid4().hex}"
    with psycopg.connect(POSTGRES_URL, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        try:
            yield f"{POSTGRES_URL}{'&' if '?' in POSTGRES_URL else '?'}options=-csearch_path%3D{schema}"
        finally:
            connection.execute(f"DROP SCHEMA {schema} CASCADE")


def _is_up() -> bool:
    try:
        psycopg.connect(POSTGRES_URL, connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


def emptied(url: str) -> None:
    """Take all rows out of a schema, past the triggers that forbid it."""
    children_first = [table.name for table in reversed(METADATA.sorted_tables)]
    with psycopg.connect(url) as connection:
        for table in children_first:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            connection.execute(f"DELETE FROM {table}")
            connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def add(database: Database) -> None:
    """Write a row."""
    with database.writing() as connection:
        connection.execute(insert(INVENTORY_READS), ROW)


def reads(database: Database) -> int:
    """Count the rows."""
    with database.reading() as connection:
        return len(connection.execute(select(INVENTORY_READS)).all())


def in_processes(number: int, script: str, *arguments: str) -> list[str]:
    """Run a script in some processes; what each printed after ``ready``, when all went on at the same time."""
    command = [sys.executable, "-W", "error", "-c", script, *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(number)
    ]
    assert [process.stdout and process.stdout.readline() for process in running] == ["ready\n"] * number
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go on\n")
        process.stdin.flush()
    printed = [process.communicate(timeout=60)[0].strip() for process in running]
    assert [process.returncode for process in running] == [0] * number
    return printed
