"""A round in two halves: one on the participant's machine, one on the server's.

What an algorithm does stands once, in `federation.reference`, as its paper writes it.  Here that
same function runs twice: at the participant, where the loop over participants has one turn and
the report becomes payloads; and at the server, where the loop has none and the reports are there
already.  Nothing of the arithmetic is written again.
"""

from dataclasses import dataclass

from ..federation.reference import ROUNDS, Round
from ..federation.state import Late
from ..federation.wire import encode


class _Half(Round):
    """What the halves share: no codec on the way down, for that lies between the two."""

    def __init__(self, plan, t, theta, memory=None):
        self.plan, self.t, self.alpha = plan, t, plan.alpha_at(t)
        self.theta, self.memory = theta, memory if memory is not None else {}
        self.arrivals, self.waiting, self.trained = [], [], {}
        self.turn, self.late_now = 0, False
        self.bits_up = self.bits_down = 0

    def broadcast(self, layers):
        """Return the layers as they are."""
        return layers

    def run(self):
        """Carry the algorithm's round out, and return this half."""
        ROUNDS[type(self.plan.algorithm)](self)
        return self


class ParticipantHalf(_Half):
    """One participant's round: from θ as it arrived to the payloads that it sends.

    Parameters
    ----------
    plan : Plan
        How to train.
    t : int
        Round, from 0.
    theta : list of ndarray
        θ as received.
    batches : list of (x, y)
        One mini-batch a step.
    model : module or object
        Whose `gradient(theta, x, y)` is followed.

    Attributes
    ----------
    payloads : list of Payload
        What is sent, one a layer; there after `run`.

    Examples
    --------
    >>> import numpy as np
    >>> from fedlearn_edu import Plan, models
    >>> from fedlearn_edu.federation.wire import decode
    >>> theta = [np.zeros((1, 2)), np.zeros(2)]
    >>> half = ParticipantHalf(Plan(alpha=1.0), 0, theta, [(np.array([[3.0]]), [1])], models).run()
    >>> decode(None, half.payloads, theta)
    [array([[-1.5,  1.5]]), array([-0.5,  0.5])]
    """

    def __init__(self, plan, t, theta, batches, model):
        super().__init__(plan, t, theta)
        self.batches, self.model, self.payloads = batches, model, None

    def participants(self):
        """Yield the one who is here; whose number it is, only the server has to know."""
        yield 0, self.batches

    def message(self, layers):
        """Encode the layers; what arrives is the server's business."""
        arrived, bits = super().message(layers)
        self.payloads = encode(self.plan.up, layers)
        return arrived, bits

    def report(self, *arguments, **options):
        """Send the update, and aggregate nothing here."""
        super().report(*arguments, **options)
        self.arrivals.clear()


@dataclass(frozen=True)
class Answer:
    """What a participant's answer says, once it has been judged.

    Attributes
    ----------
    participant : int
        0 … N − 1.
    examples : int
        n_i.
    steps : int
        S_i, local steps made.
    update : list of ndarray
        Δ_i, or g_i with FedSGD, as it arrived.
    """

    participant: int
    examples: int
    steps: int
    update: list


class ServerHalf(_Half):
    """The server's round: from what arrived to the next θ.

    Parameters
    ----------
    plan : Plan
        How to train.
    t : int
        Round, from 0.
    theta : list of ndarray
        θ as the server has it.
    memory : dict
        What the algorithm remembers, changed in place: the moments of FedAdam and FedYogi.
    answers : list of Answer
        What arrived and was believed.
    """

    def __init__(self, plan, t, theta, memory, answers):
        super().__init__(plan, t, theta, memory)
        sizes = {a.participant: a.examples for a in answers}
        self.weights = sizes if plan.weights == "size" else dict.fromkeys(sizes, 1)
        self.arrivals = [Late(t, a.participant, a.update, steps=a.steps) for a in answers]

    def participants(self):
        """Yield nobody: they were at work elsewhere."""
        return iter(())
