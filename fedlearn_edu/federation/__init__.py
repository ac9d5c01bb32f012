"""The rounds of a federation."""

from .quadratics import History, simulate

__all__ = ["History", "simulate"]
