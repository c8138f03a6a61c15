"""``python -m daftari`` is the ``daftari`` command."""

from daftari.cli import main

if __name__ == "__main__":
    main()
