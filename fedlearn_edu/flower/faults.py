"""What a participant can do wrong, to see what the server makes of it."""

import time

import numpy as np
from flwr.app import MetricRecord, RecordDict

from ..compression import Payload
from ..federation.wire import encode
from .strategy import from_record, to_record


def nan(answer, recipe):
    """Send NaN in place of every number, as a run that has diverged does."""
    payloads = []
    for payload in from_record(answer["update"]):
        header = 2 + 4 * payload.data[1]
        numbers = b"\xff" * (len(payload.data) - header)  # all bits set is NaN in every float
        payloads.append(Payload(payload.data[:header] + numbers))
    return RecordDict({"update": to_record(payloads), "facts": answer["facts"]})


def shape(answer, recipe):
    """Send an update of another model."""
    layers = [np.zeros(7, recipe.dtype)] * len(answer["update"])
    payloads = encode(recipe.plan.up, layers)
    return RecordDict({"update": to_record(payloads), "facts": answer["facts"]})


def examples(answer, recipe):
    """Say that one has more examples than there are people."""
    facts = MetricRecord({**answer["facts"], "examples": 10**11})
    return RecordDict({"update": answer["update"], "facts": facts})


def name(answer, recipe):
    """Say that one is the next participant."""
    i = answer["facts"]["participant"]
    facts = MetricRecord({**answer["facts"], "participant": (i + 1) % recipe.participants})
    return RecordDict({"update": answer["update"], "facts": facts})


def slow(answer, recipe):
    """Take longer than the server waits."""
    time.sleep(recipe.deadline + 2)
    return answer


def misbehave(kinds, t, answer, recipe):
    """Return an answer as one spoils it: the kinds, "nan" or "nan+shape", take turns by round."""
    kinds = kinds.split("+")
    return FAULTS[kinds[t % len(kinds)]](answer, recipe)


FAULTS = {"nan": nan, "shape": shape, "examples": examples, "name": name, "slow": slow}
