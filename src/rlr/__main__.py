"""`python -m rlr` is the command `rlr`."""

from rlr.cli import main

if __name__ == "__main__":
    main()
