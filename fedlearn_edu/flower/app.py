"""The Flower app: what a SuperNode runs for each task, and what the SuperLink runs for the server.

Both read the recipe from the run's configuration; `project/pyproject.toml` names them to Flower.
"""

import json
import os
import time
from functools import cache

import numpy as np
from flwr.app import Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp

from ..federation.wire import decode, encode
from .faults import misbehave
from .recipe import Recipe
from .rounds import ParticipantHalf
from .strategy import Believed, Prompt, as_json, from_record, to_record

JOURNAL = "FEDLEARN_JOURNAL"  # where the server writes a line a round, and θ at the end
NODES = "FEDLEARN_NODES"  # with keys: the node of each participant, a list


def recipe_of(given):
    """Return the recipe of a run; a process that stays keeps it, and makes the data once."""
    if isinstance(given, Recipe):
        given = given.config()
    return _kept(tuple(given.items()))


@cache
def _kept(items):
    return Recipe.from_config(dict(items))


def participate(message, context, recipe=None):
    """Answer a task: decode θ, train on one's own examples, send the encoded update.

    Parameters
    ----------
    message : flwr.app.Message
        The records "model" and "config".
    context : flwr.app.Context
        Its node configuration says which participant this is: "partition-id".
    recipe : Recipe, optional
        From the run's configuration if left out.

    Returns
    -------
    flwr.app.Message
        The records "update" and "facts".
    """
    recipe = recipe_of(recipe or context.run_config)
    i, t = int(context.node_config["partition-id"]), message.content["config"]["round"] - 1
    theta = decode(recipe.plan.down, from_record(message.content["model"]), recipe.theta)
    batches, begun = recipe.batches(i, t), time.process_time()
    half = ParticipantHalf(recipe.plan, t, theta, batches, recipe.model).run()
    facts = {
        "participant": i,
        "examples": int(recipe.federation.counts[i]),
        "steps": len(batches),
        "cpu-seconds": time.process_time() - begun,
    }
    answer = RecordDict({"update": to_record(half.payloads), "facts": MetricRecord(facts)})
    if fault := context.node_config.get("fault"):
        answer = misbehave(fault, t, answer, recipe)
    return Message(answer, reply_to=message)


def serve(grid, context, recipe=None, tell=None):
    """Carry the rounds out, and tell of each.

    Parameters
    ----------
    grid : flwr.serverapp.Grid
        Flower's way to the participants.
    context : flwr.app.Context
        Its run configuration is the recipe.
    recipe : Recipe, optional
        From the run's configuration if left out.
    tell : function of a dict, optional
        Called once a round; a line in the file that $FEDLEARN_JOURNAL names if left out.

    Returns
    -------
    list of ndarray
        θ.
    """
    _write({"server": os.getpid()})
    try:
        recipe = recipe_of(recipe or context.run_config)
        strategy = Believed(recipe, tell or _write, json.loads(os.environ.get(NODES, "[]")))
        first = to_record(encode(recipe.plan.down, strategy.theta))
        strategy.start(Prompt(grid), first, recipe.rounds, timeout=recipe.deadline)
    except Exception as error:
        _write({"error": f"{type(error).__name__}: {error}"})
        raise
    if path := os.environ.get(JOURNAL):
        np.savez(f"{path}.npz", *strategy.theta)
        _write({"done": recipe.rounds})
    return strategy.theta


def _write(event):
    if path := os.environ.get(JOURNAL):
        with open(path, "a", encoding="utf-8") as journal:
            journal.write(as_json(event))


client = ClientApp()
client.train()(participate)
server = ServerApp()
server.main()(serve)
