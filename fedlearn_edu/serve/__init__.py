"""The server: a home page and one page a lab, on Voilà, hardened for a classroom.

``app`` puts the parts together, ``pages`` answers for everything that is read, ``sockets`` for
what a page says to its kernel, ``kernels`` keeps kernels ready and gives them back, and
``forks`` starts them quickly where the operating system can fork.
"""

import sys

from .options import Options, Refused

__all__ = ["Options", "Refused", "run"]


def run(options):
    """Serve until a signal ends it (`Options` says how)."""
    # A checker of international addresses, which nothing here uses, takes two seconds to import;
    # jsonschema does without it when it is not there.
    sys.modules.setdefault("rfc3987_syntax", None)

    from .app import App  # Voilà takes half a second to import: not for `--help`

    App(options).run()
