"""The server: a home page and one page a lab, on Voilà, hardened for a classroom.

``app`` puts the parts together, ``pages`` answers for everything that is read, ``sockets`` for
what a page says to its kernel, ``kernels`` keeps kernels ready and gives them back, and
``forks`` starts them quickly where the operating system can fork.
"""

import os
import sys

from fedlearn_edu import paths

from .options import Options, Refused

__all__ = ["Options", "Refused", "beside_jupyter", "run"]


def run(options):
    """Serve until a signal ends it (`Options` says how)."""
    # A checker of international addresses, which nothing here uses, takes two seconds to import;
    # jsonschema does without it when it is not there.
    sys.modules.setdefault("rfc3987_syntax", None)

    from .app import App  # Voilà takes half a second to import: not for `--help`

    App(options).run()


def beside_jupyter():
    """Return how jupyter-server-proxy starts the app beside JupyterLab, as on Binder.

    On a hub nobody knows beforehand under which name the app is reached, and whoever reaches it
    has come in through the hub's own door: there any name passes.
    """
    command = [sys.executable, "-m", "fedlearn_edu", "app", "--no-browser", "--pool", "1"]
    command += ["--port", "{port}", "--base-url", "{base_url}fedlearn/"]
    if "JUPYTERHUB_SERVICE_PREFIX" in os.environ:
        command += ["--allow-host", "*"]
    return {
        "command": command,
        "absolute_url": True,
        "timeout": 60,
        "launcher_entry": {
            "title": "fedlearn_edu",
            "icon_path": str(paths.assets() / "logo.svg"),
            "path_info": "fedlearn/",
        },
    }
