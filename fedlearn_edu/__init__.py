"""Federated learning that can be touched: exact mathematics, labs and a course.

Examples
--------
>>> import fedlearn_edu as fl
>>> fl.weighted_mean([[1, 2, 3], [4, 5, 6]], [0.6, 0.4])
array([2.2, 3.2, 4.2])
"""

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
    "History",
    "Payload",
    "Quadratics",
    "Scaling",
    "aggregation",
    "compression",
    "contributions",
    "effective_scale",
    "examples",
    "federation",
    "gradient_step",
    "grid",
    "grid_size",
    "mean",
    "objectives",
    "regime",
    "round_trip",
    "sample_weights",
    "scaled_mean",
    "shares",
    "simulate",
    "weighted_mean",
]
