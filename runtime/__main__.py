"""`python -m runtime`: the same as the `caretaker` command."""

from runtime.cli import main

if __name__ == "__main__":
    main()
