"""The same app in Flower's simulation: participants are tasks for Ray's workers."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from .parts import Stopped, environment, flower_python
from .recipe import Recipe


def simulate(recipe):
    """Return what happened in each round, and θ, from a process of its own.

    Parameters
    ----------
    recipe : Recipe
        What is trained and how.

    Returns
    -------
    tuple of list of dict, list of ndarray
        Each round as the server tells it, and θ.

    Raises
    ------
    Stopped
        If Flower is not installed or stops.
    """
    python, short = flower_python(), "/tmp" if os.name == "posix" else None  # for Ray's sockets
    with tempfile.TemporaryDirectory("", "sim", short, ignore_cleanup_errors=True) as folder:
        journal = Path(folder) / "journal"
        words = json.dumps(recipe.config())
        variables = {"FEDLEARN_JOURNAL": str(journal), "RAY_USAGE_STATS_ENABLED": "0",
                     "TMPDIR": folder}  # fmt: skip
        done = subprocess.run(
            [python, "-m", "fedlearn_edu.flower.simulation", words], cwd=folder, text=True,
            env=environment(python, folder) | variables, capture_output=True, errors="replace",
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        events = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
        if done.returncode or "done" not in events[-1]:
            last = done.stderr.strip().splitlines()[-1:]
            raise Stopped("no_start", part="flwr.simulation", words=" ".join(last))
        with np.load(f"{journal}.npz") as stored:
            theta = [stored[name] for name in stored.files]
    return [event for event in events if "round" in event], theta


def run(recipe, tell=None):
    """Run the simulation in this process, which has Flower; `tell` is as in `app.serve`."""
    from functools import partial

    from flwr.clientapp import ClientApp
    from flwr.serverapp import ServerApp
    from flwr.simulation import run_simulation

    from .app import participate, serve

    client, server = ClientApp(), ServerApp()
    client.train()(partial(participate, recipe=recipe))
    server.main()(partial(serve, recipe=recipe, tell=tell))
    places = {"_node_ip_address": "127.0.0.1", "_temp_dir": tempfile.gettempdir()}
    run_simulation(
        server, client, recipe.participants,
        backend_config={
            "init_args": {**places, "num_cpus": os.cpu_count()},
            "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
        },
    )  # fmt: skip


if __name__ == "__main__":
    run(Recipe.from_config(json.loads(sys.argv[1])))
