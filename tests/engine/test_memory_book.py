from __future__ import annotations

import pytest

from pms_lab.engine.ledger import Book
from pms_lab.engine.memory_book import MemoryBook
from tests.contracts.book import BookContract


class TestMemoryBook(BookContract):
    @pytest.fixture
    def book(self) -> Book:
        return MemoryBook()
