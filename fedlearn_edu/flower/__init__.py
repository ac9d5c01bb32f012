"""The course's training as a real federation: a server and participants, each its own process.

Flower (flwr) carries the messages, starts the tasks, and knows who is there; the arithmetic is
`fedlearn_edu.federation.reference`, run in two halves.  Only `app`, `strategy` and `faults` import
flwr, and they run where it is installed, here or in ``.venv-flower``; what starts the processes
does not need it.

    recipe      what is trained, by whom and how; the same for server, participants and engine
    rounds      a round of the reference, cut in two: participant's half and server's half
    strategy    the server's half as a Flower strategy; what it believes and what it leaves out
    app         the Flower app; faults: what a participant can do wrong
    deployment  the processes; parts: start and stop them; relay: count bytes; keys: TLS
    command     ``fedlearn-edu federation``; report: what it leaves behind

In a notebook:

>>> from fedlearn_edu.flower import Deployment, Recipe
>>> recipe = Recipe(participants=3, rounds=5, deadline=15)
>>> with Deployment(recipe) as federation:  # doctest: +SKIP
...     for r in federation:  # one Round after the other, each when it is over
...         print(r.round, r.accuracy, r.participants, r.up, r.down)
...         if r.round == 2:
...             federation.kill(1)
...         if r.round == 4:
...             federation.start(1)

`federation.processes()` lists what runs, `federation.notes` who ended, `federation.theta` is the
result, and `recipe.engine()` what the engine makes of the same recipe.  `simulate(recipe)` runs
the same app in Flower's simulation.  Everything has ended when the block is left, in whatever way.
"""

from importlib import import_module

_HOMES = {
    "Deployment": "deployment",
    "Recipe": "recipe",
    "Round": "deployment",
    "Stopped": "parts",
    "simulate": "simulation",
}

__all__ = ["Deployment", "Recipe", "Round", "Stopped", "simulate"]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
