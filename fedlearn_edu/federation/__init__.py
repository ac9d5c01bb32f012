"""The rounds of a federation.

The simulation on quadratics, which the labs use, is imported at once; training on data when one of
its names is first asked for, so that ``import fedlearn_edu`` stays nearly as quick as NumPy's.
"""

from importlib import import_module

from .quadratics import History, simulate

_HOMES = {
    "algorithms": (
        "Centralised",
        "Cosine",
        "FedAdam",
        "FedAvg",
        "FedNova",
        "FedProx",
        "FedSGD",
        "FedYogi",
        "Gossip",
        "Plan",
        "Scaffold",
        "Staircase",
        "Stragglers",
    ),
    "participants": ("Federation",),
    "runs": ("Run", "TrainingHistory", "train"),
}
TRAINING = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["History", "graphs", "simulate", *sorted(TRAINING)]


def __getattr__(name):
    if name == "graphs":
        return import_module(f"{__name__}.graphs")
    if name not in TRAINING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{TRAINING[name]}"), name)
    return value


def __dir__():
    return sorted({*globals(), *__all__})
