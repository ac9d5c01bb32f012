"""The rounds of a federation."""

from . import graphs
from .algorithms import (
    Centralised,
    Cosine,
    FedAdam,
    FedAvg,
    FedNova,
    FedProx,
    FedSGD,
    FedYogi,
    Gossip,
    Plan,
    Scaffold,
    Staircase,
    Stragglers,
)
from .participants import Federation
from .quadratics import History, simulate
from .runs import Run, TrainingHistory, train

__all__ = [
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
    "Plan",
    "Run",
    "Scaffold",
    "Staircase",
    "Stragglers",
    "TrainingHistory",
    "graphs",
    "simulate",
    "train",
]
