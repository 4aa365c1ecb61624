"""The import of recommendations and rates from a file that somebody else wrote."""

from pms_lab.scoring.importing.importer import ImportOutcome, import_file

__all__ = ["ImportOutcome", "import_file"]
