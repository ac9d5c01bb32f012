"""Federated learning that can be touched: exact mathematics, labs and a course.

Examples
--------
>>> import numpy as np
>>> import fedlearn_edu as fl
>>> fl.weighted_mean([[1, 2, 3], [4, 5, 6]], [0.6, 0.4])
array([2.2, 3.2, 4.2])

A hundred participants on real handwritten digits:

>>> data, rng = fl.data.digits(), np.random.default_rng(0)
>>> federation = fl.Federation.from_data(data, fl.data.dirichlet(data.y_train, 100, 0.5, rng))
>>> plan = fl.Plan(fl.FedAvg(), alpha=0.1, epochs=1, batch=8)
>>> theta = fl.models.init((64, 64, 10), rng)
>>> fl.train(federation, plan, theta, rounds=50, rng=rng).history
TrainingHistory(rounds=50, accuracy=0...)
"""

from importlib import import_module

from . import aggregation, compression, examples, federation, objectives
from .aggregation import (
    contributions,
    effective_scale,
    gradient_step,
    mean,
    sample_weights,
    scaled_mean,
    shares,
    weighted_mean,
)
from .compression import Cast, Payload, Scaling, grid, grid_size, round_trip
from .federation import History, simulate
from .objectives import Quadratics, regime

__version__ = "0.1.0"

__all__ = [
    "Cast",
    "Centralised",
    "Cosine",
    "FedAdam",
    "FedAvg",
    "FedNova",
    "FedProx",
    "FedSGD",
    "FedYogi",
    "Federation",
    "Gossip",
    "History",
    "Payload",
    "Plan",
    "Quadratics",
    "Run",
    "Scaffold",
    "Scaling",
    "Staircase",
    "Stragglers",
    "aggregation",
    "compression",
    "contributions",
    "data",
    "effective_scale",
    "examples",
    "federation",
    "gradient_step",
    "graphs",
    "grid",
    "grid_size",
    "mean",
    "models",
    "objectives",
    "planar",
    "regime",
    "round_trip",
    "sample_weights",
    "scaled_mean",
    "shares",
    "simulate",
    "train",
    "weighted_mean",
]


def __getattr__(name):
    """Import what is not needed by every program when it is first asked for."""
    if name in ("data", "models", "planar"):
        return import_module(f"{__name__}.{name}")
    if name == "graphs" or name in federation.TRAINING:
        value = globals()[name] = getattr(federation, name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
