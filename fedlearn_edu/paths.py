"""Where the package's own files are, in a checkout and in an installed wheel alike."""

from pathlib import Path

PACKAGE = Path(__file__).parent
"""The folder of the package itself."""

SOURCE = PACKAGE.parent
"""The folder that has to be on ``sys.path`` for the package to be imported."""

WEB = PACKAGE / "web"
"""Templates, style sheets and scripts of the pages."""


def assets():
    """Return the folder of pictures and icons.

    A wheel carries it inside the package; in a checkout it stands beside the package.

    Examples
    --------
    >>> (assets() / "logo.svg").is_file()
    True
    """
    packed = PACKAGE / "assets"
    return packed if packed.is_dir() else SOURCE / "assets"


def notebooks():
    """Return the folder of the course's notebooks.

    Examples
    --------
    >>> (notebooks() / "glossary.csv").is_file()
    True
    """
    packed = PACKAGE / "notebooks"
    return packed if packed.is_dir() else SOURCE / "notebooks"
