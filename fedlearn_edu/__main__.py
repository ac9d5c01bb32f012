"""``python -m fedlearn_edu``: the command line."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 -- said before anything newer is imported
    sys.exit(
        "fedlearn-edu needs Python 3.11 or newer; this is Python {}.{}.".format(
            *sys.version_info[:2]
        )
    )

from fedlearn_edu.cli import main

if __name__ == "__main__":
    sys.exit(main())
