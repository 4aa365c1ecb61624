"""Rebuild every shipped table: `python -m data.rebuild` from the repository's root."""

from data.rebuild import experts, hotels, las_airport


def main() -> None:
    """Rebuild all three sources' tables."""
    hotels.main()
    experts.main()
    las_airport.main()


if __name__ == "__main__":
    main()
