"""The server's strategy: Flower carries the messages, `fedlearn_edu` does the arithmetic.

`Believed` is Flower's own `Strategy` with `rounds.ServerHalf` as its aggregation; what an answer
has to be in order to be aggregated stands in `judge`.
"""

import json
import math
import time

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.common.constant import ErrorCode
from flwr.serverapp.strategy import Strategy

from ..compression import Payload
from ..federation.algorithms import FedAdam
from ..federation.reference import each
from ..federation.wire import Diverged, decode, encode
from .rounds import Answer, ServerHalf

POLL = 0.25  # seconds between two questions whether answers are there
GONE = (  # errors that Flower itself answers with: nobody was there
    ErrorCode.MESSAGE_UNAVAILABLE,
    ErrorCode.REPLY_MESSAGE_UNAVAILABLE,
    ErrorCode.NODE_UNAVAILABLE,
)
LONGEST_REASON = 200  # characters
SPARE = 30  # seconds beyond twice the deadline after which a task is given up


class Disbelieved(Exception):
    """An answer that is left out; the argument is the reason, in words."""


def to_record(payloads):
    """Return payloads as Flower's arrays of bytes, one a layer.

    Parameters
    ----------
    payloads : list of Payload
        From `rounds.encode`.

    Returns
    -------
    flwr.app.ArrayRecord

    Examples
    --------
    >>> from_record(to_record([Payload(b"ab")]))[0].data
    b'ab'
    """
    return ArrayRecord(
        {
            str(k): Array("uint8", (len(payload.data),), "fedlearn_edu.payload", payload.data)
            for k, payload in enumerate(payloads)
        }
    )


def from_record(record):
    """Return the payloads that an array record holds; the inverse of `to_record`."""
    if not isinstance(record, ArrayRecord):
        raise TypeError(f"the update is in a {type(record).__name__}, expected an ArrayRecord")
    return [Payload(array.data) for array in record.values()]


def judge(content, recipe, like):
    """Return what an answer says, or refuse to believe it.

    Parameters
    ----------
    content : flwr.app.RecordDict
        What arrived: the records "update" and "facts".
    recipe : Recipe
        What was agreed on.
    like : list of ndarray
        θ, for the shapes.

    Returns
    -------
    Answer

    Raises
    ------
    Disbelieved
        If a record is missing, the participant is none, n_i is no whole number from 1 to
        `Recipe.most_examples`, or the update has another shape or codec or is not finite.
    """
    try:
        facts, record = content["facts"], content["update"]
        participant = _whole(facts["participant"], "participant", 0, recipe.participants - 1)
        examples = _whole(facts["examples"], "examples", 1, recipe.most_examples)
        steps = _whole(facts["steps"], "steps", 1, 2**31)
        update = decode(recipe.plan.up, from_record(record), like)
    except KeyError as error:
        raise Disbelieved(f"the answer has no {error}") from None
    except Diverged:
        raise Disbelieved("the update is not finite") from None
    except (ValueError, TypeError) as error:
        raise Disbelieved(str(error)) from None
    return Answer(participant, examples, steps, update)


def _whole(value, name, least, most):
    if isinstance(value, list) or not math.isfinite(value) or value != int(value):
        raise Disbelieved(f"{name} is {value}, expected a whole number")
    if not least <= value <= most:
        raise Disbelieved(f"{name} is {int(value)}, expected {least} to {most}")
    return int(value)


def plain(words):
    r"""Return a participant's words as a terminal may show them: one short line of print.

    Examples
    --------
    >>> plain("it broke\n\x1b[2J")
    'it broke  [2J'
    """
    return "".join(c if c.isprintable() else " " for c in words[:LONGEST_REASON])


class Prompt:
    """Flower's grid, asked for answers every quarter of a second; its own loop waits three seconds.

    It also remembers who owes an answer to an earlier round: such a node gets no new task until
    it has answered or its task has expired, and nobody waits for it.

    Parameters
    ----------
    grid : flwr.serverapp.Grid
        Flower's.
    """

    def __init__(self, grid):
        self.grid, self.owing, self.sent = grid, {}, {}

    def node_of(self, reply):
        """Return the node whose task of this round a reply answers; errors come from elsewhere."""
        return self.sent[reply.metadata.reply_to_message_id]

    def idle(self):
        """Return the nodes that are there and owe no answer."""
        if self.owing:
            for message in self.grid.pull_messages(list(self.owing)):
                self.owing.pop(message.metadata.reply_to_message_id, None)
        return sorted(set(self.grid.get_node_ids()) - set(self.owing.values()))

    def send_and_receive(self, messages, *, timeout):
        """Send the messages, and return the answers that came before the time was up.

        If nobody has answered by then, it waits for the first answer, or until the tasks expire.
        """
        messages, answers = list(messages), []
        nodes = [message.metadata.dst_node_id for message in messages]
        self.sent = dict(zip(self.grid.push_messages(messages), nodes, strict=True))
        waiting = dict(self.sent)
        end = time.monotonic() + timeout
        while waiting:
            for message in self.grid.pull_messages(list(waiting)):
                waiting.pop(message.metadata.reply_to_message_id, None)
                answers.append(message)
            if not waiting or (answers and time.monotonic() > end):
                break
            time.sleep(POLL)
        self.owing.update(waiting)
        return answers


class Believed(Strategy):
    """Aggregate the answers that can be believed, and tell of the others.

    Parameters
    ----------
    recipe : Recipe
        What is trained and how.
    tell : function of a dict
        Called once a round with what happened: see `app.server`.
    nodes : sequence of int
        With keys: the node that has each participant's key.  Without, a node is whom it first
        says that it is.

    Attributes
    ----------
    theta : list of ndarray
        θ now.
    """

    def __init__(self, recipe, tell, nodes=()):
        self.recipe, self.tell = recipe, tell
        self.theta, self.memory = recipe.theta, {}
        self.names = {node: i for i, node in enumerate(nodes)}  # which participant a node is
        if isinstance(recipe.plan.algorithm, FedAdam):
            tau = recipe.plan.algorithm.tau
            self.memory["m"] = each(np.zeros_like, self.theta)
            self.memory["v"] = each(lambda layer: np.full_like(layer, tau**2), self.theta)

    def summary(self):
        """Nothing: the recipe is in the run's configuration."""

    def configure_train(self, server_round, arrays, config, grid):
        """Ask everybody who is there and not still at work; in the first round wait for all."""
        recipe, patience = self.recipe, time.monotonic() + self.recipe.patience
        wanted = recipe.participants if server_round == 1 else 1
        while len(nodes := grid.idle()) < wanted:
            if time.monotonic() > patience:
                if nodes:
                    break
                raise TimeoutError(f"no participant was there for {recipe.patience:g} s")
            time.sleep(POLL)
        self.begun, self.grid = time.monotonic(), grid
        content = RecordDict({"model": arrays, "config": ConfigRecord({"round": server_round})})
        ttl = 2 * recipe.deadline + SPARE
        return [Message(content, node, "train", ttl=ttl) for node in nodes]

    def aggregate_train(self, server_round, replies):
        """Judge the answers, make the server's step, and tell what happened."""
        believed, refused, silent = {}, [], set(self.grid.sent.values())
        for reply in replies:
            node = self.grid.node_of(reply)
            if reply.has_error() and reply.error.code in GONE:
                continue
            silent.discard(node)
            try:
                if reply.has_error():
                    raise Disbelieved(reply.error.reason)
                answer = judge(reply.content, self.recipe, self.theta)
                if self.names.setdefault(node, answer.participant) != answer.participant:
                    raise Disbelieved(f"it says that it is participant {answer.participant}")
                if answer.participant in believed:
                    raise Disbelieved(f"participant {answer.participant} answered twice")
                believed[answer.participant] = answer
            except Disbelieved as reason:
                refused.append(
                    {"participant": self._name(reply, node), "reason": plain(str(reason))}
                )
        answers = [believed[i] for i in sorted(believed)]
        if answers:
            half = ServerHalf(self.recipe.plan, server_round - 1, self.theta, self.memory, answers)
            self.theta = half.run().theta
        self._tell(server_round, answers, refused, sorted(silent))
        return to_record(encode(self.recipe.plan.down, self.theta)), None

    def _name(self, reply, node):
        """Return who sent an answer: whose key it is, or as it said before, or as it says now."""
        if node not in self.names and reply.has_content():
            said = reply.content.get("facts", {}).get("participant")
            if said in range(self.recipe.participants):
                return int(said)
        return self.names.get(node)

    def _tell(self, server_round, answers, refused, silent):
        loss, accuracy = self.recipe.measure(self.theta)
        self.tell(
            {
                "round": server_round,
                "loss": loss,
                "accuracy": accuracy,
                "seconds": round(time.monotonic() - self.begun, 3),
                "participants": [answer.participant for answer in answers],
                "examples": [answer.examples for answer in answers],
                "refused": refused,
                "silent": [self.names.get(node) for node in silent],
            }
        )

    def configure_evaluate(self, server_round, arrays, config, grid):
        """Ask nobody: the server has examples for testing."""
        return []

    def aggregate_evaluate(self, server_round, replies):
        """Return nothing."""
        return MetricRecord()


def as_json(event):
    """Return one line of the journal; infinite and NaN become null."""
    finite = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in event.items()
    }
    return json.dumps(finite, ensure_ascii=False) + "\n"
