"""`python -m app.cli` is the `footnote` command."""

from app.cli import main

if __name__ == "__main__":
    main()
