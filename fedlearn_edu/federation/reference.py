"""Each algorithm as its paper writes it: a loop over participants, one mini-batch at a time.

This is the code to read.  `engine` does the same for all participants at once; tests hold the two
equal.  A model here is its list of layers, and `each` applies a formula to every layer.
"""

import numpy as np

from .. import models
from .algorithms import (
    Centralised,
    FedAdam,
    FedAvg,
    FedNova,
    FedProx,
    FedSGD,
    FedYogi,
    Gossip,
    Scaffold,
)  # fmt: skip
from .state import Late, Rounds
from .wire import send


def each(formula, *many):
    """Return the model whose layers are formula(layer of the first, of the second, …).

    Parameters
    ----------
    formula : function of arrays
        What to do with corresponding layers.
    *many : lists of layer arrays
        Models, updates or gradients.

    Returns
    -------
    list of ndarray

    Examples
    --------
    >>> each(lambda a, b: a - b, [np.array([3.0])], [np.array([1.0])])
    [array([2.])]
    """
    return [np.asarray(formula(*layers)) for layers in zip(*many, strict=True)]


def local_sgd(theta, batches, alpha, momentum=0.0, mu=0.0, correction=None, model=models):
    """Return a participant's model after its local steps.

    Parameters
    ----------
    theta : list of ndarray
        θ, where it starts.
    batches : list of (x, y)
        One mini-batch a step.
    alpha, momentum, mu : float
        α, β, and μ of the proximal term.
    correction : list of ndarray, optional
        Added to each gradient: c − c_i of SCAFFOLD.
    model : module or object
        Whose `gradient(theta, x, y)` is followed.

    Returns
    -------
    list of ndarray
        θ_i.

    Examples
    --------
    >>> theta = [np.zeros((1, 2)), np.zeros(2)]
    >>> local_sgd(theta, [(np.array([[3.0]]), [1])], alpha=1.0)
    [array([[-1.5,  1.5]]), array([-0.5,  0.5])]
    """
    local = each(np.copy, theta)
    velocity = each(np.zeros_like, theta)
    for x, y in batches:
        g = model.gradient(local, x, y)
        if mu:
            g = each(lambda a, here, start: a + mu * (here - start), g, local, theta)
        if correction is not None:
            g = each(np.add, g, correction)
        velocity = each(lambda v, a: momentum * v + a, velocity, g)
        local = each(lambda here, v: here - alpha * v, local, velocity)
    return local


def steps_norm(steps, momentum):
    """Return ‖a‖₁: the sum of the weights with which the gradients stand in θ − θ_i, over α.

    Parameters
    ----------
    steps : int
        S.
    momentum : float
        β.

    Returns
    -------
    float
        S without momentum, else Σ_{j=1}^{S} (1 − β^j)/(1 − β).

    Notes
    -----
    Wang et al. 2020, arXiv 2007.07481, section 4.1.

    Examples
    --------
    >>> steps_norm(3, 0.0), steps_norm(2, 0.5)
    (3.0, 2.5)
    """
    velocity = total = 0.0
    for _ in range(steps):
        velocity = momentum * velocity + 1
        total += velocity
    return total


def fedavg(r, mu=0.0):
    """FedAvg: local SGD from θ, then θ ← θ + λ Σ w_i (θ_i − θ).  With μ > 0, FedProx."""
    start = r.broadcast(r.theta)
    for i, batches in r.participants():
        local = r.local_sgd(start, batches, mu)
        r.report(i, each(np.subtract, local, start))
    r.theta = each(np.add, r.theta, r.mean())


def fedprox(r):
    """FedProx: FedAvg with μ (θ_i − θ) added to each gradient."""
    fedavg(r, mu=r.plan.algorithm.mu)


def fedsgd(r):
    """FedSGD: each participant sends its full gradient, and θ ← θ − α λ Σ w_i g_i."""
    start = r.broadcast(r.theta)
    for i, [(x, y)] in r.participants():
        r.report(i, r.model.gradient(start, x, y))
    r.theta = each(lambda a, g: a - r.alpha * g, r.theta, r.mean())


def centralised(r):
    """Mini-batch SGD on everything; the examples move to the server in the first round."""
    for _, batches in r.participants():
        r.theta = r.local_sgd(r.theta, batches)


def scaffold(r):
    """SCAFFOLD: local steps along g + c − c_i, then c_i ← c_i − c + (θ − θ_i)/(α S_i)."""
    start, c = r.broadcast(r.theta), r.broadcast(r.memory["c"])
    for i, batches in r.participants():
        c_i = r.memory["c_i"][i]
        correction = each(np.subtract, c, c_i)
        local = r.local_sgd(start, batches, correction=correction)
        tiny = float(np.finfo(c[0].dtype).tiny)  # a small α may let nothing move: 0/tiny, not 0/0
        reach = max(r.alpha * steps_norm(len(batches), r.plan.momentum), tiny)
        change = each(lambda a, y, k: (a - y) / reach - k, start, local, c)  # noqa: B023
        sent = r.report(i, each(np.subtract, local, start), change)
        r.memory["c_i"][i] = each(np.add, c_i, sent.control)
    r.theta = each(np.add, r.theta, r.mean())
    for late in r.arrivals:
        weight = r.weights[late.participant]
        r.memory["c"] = each(lambda k, d: k + weight * d, r.memory["c"], late.control)  # noqa: B023


def fednova(r):
    """FedNova: θ ← θ + λ τ Σ w_i (θ_i − θ)/‖a_i‖₁ with τ = Σ w_i ‖a_i‖₁."""
    start = r.broadcast(r.theta)
    for i, batches in r.participants():
        local = r.local_sgd(start, batches)
        r.report(i, each(np.subtract, local, start), steps=len(batches))
    norms = [steps_norm(late.steps, r.plan.momentum) for late in r.arrivals]
    tau = sum(w * norm for w, norm in zip(r.shares(), norms, strict=True))
    r.theta = each(np.add, r.theta, r.mean([tau / norm for norm in norms]))


def fedadam(r):
    """FedAdam: θ ← θ + η m/(√v + τ), with Δ = Σ w_i (θ_i − θ) as the gradient of Adam."""
    adaptive(r, lambda v, g, b: b * v + (1 - b) * g**2)


def fedyogi(r):
    """FedYogi: as FedAdam, with Yogi's v ← v − (1 − β₂) Δ² sign(v − Δ²)."""
    adaptive(r, lambda v, g, b: v - (1 - b) * g**2 * np.sign(v - g**2))


def adaptive(r, second_moment):
    """FedOpt: FedAvg's mean step as the gradient of an adaptive server."""
    start, a = r.broadcast(r.theta), r.plan.algorithm
    for i, batches in r.participants():
        local = r.local_sgd(start, batches)
        r.report(i, each(np.subtract, local, start))
    if not r.arrivals:
        return
    g = r.mean()
    m = each(lambda m, g: a.beta1 * m + (1 - a.beta1) * g, r.memory["m"], g)
    v = each(lambda v, g: second_moment(v, g, a.beta2), r.memory["v"], g)
    r.theta = each(lambda x, m, v: x + a.rate * m / (np.sqrt(v) + a.tau), r.theta, m, v)
    r.memory.update(m=m, v=v)


def gossip(r):
    """Gossip: θ_i ← local SGD from θ_i, then θ_i ← Σ_j M_ij θ_j over those that are there."""
    own, matrix = r.memory["models"], r.plan.algorithm.mixing.tolist()
    present = []
    for i, batches in r.participants():
        own[i] = r.local_sgd(own[i], batches)
        present.append(i)
    sent = {j: r.message(own[j]) for j in present}
    mixed = list(own)
    for i in present:
        neighbours = [j for j in present if j != i and matrix[i][j]]
        kept = 1 - sum(matrix[i][j] for j in neighbours)
        mixed[i] = each(lambda a: kept * a, own[i])  # noqa: B023
        for j in neighbours:
            mixed[i] = each(lambda a, b: a + matrix[i][j] * b, mixed[i], sent[j][0])  # noqa: B023
            r.bits_up += sent[j][1]
    r.memory["models"] = mixed
    r.theta = each(lambda *layers: sum(layers) / len(layers), *mixed)


ROUNDS = {
    FedAvg: fedavg, FedSGD: fedsgd, Centralised: centralised, FedProx: fedprox,
    Scaffold: scaffold, FedNova: fednova, FedAdam: fedadam, FedYogi: fedyogi, Gossip: gossip,
}  # fmt: skip


class Round:
    """One round: what the algorithms above ask for.

    Parameters
    ----------
    federation : Federation
        The examples; pooled, for centralised SGD.
    plan : Plan
        The options.
    state : State
        Where the run stands.
    cohort : Cohort
        Who takes part, and how.
    packing : Packing
        Between the layers here and the rows in the state.
    model : module or object
        Whose gradients are followed: `models`, or what has a `gradient` like it.
    """

    def __init__(self, federation, plan, state, cohort, packing, model=models):
        self.federation, self.plan, self.cohort, self.model = federation, plan, cohort, model
        self.alpha, self.t = plan.alpha_at(state.round), state.round
        self.weights = plan.weights_of(federation.counts).tolist()
        self.theta = packing.unpack(state.theta)
        self.memory = {name: _unpacked(rows, packing) for name, rows in state.memory.items()}
        self.waiting = [late.mapped(packing.unpack) for late in state.late]
        self.arrivals, self.trained = [], {}
        self.bits_up = self.bits_down = 0

    def broadcast(self, layers):
        """Return the layers as participants receive them; each that is sampled is sent them."""
        arrived, bits = send(self.plan.down, layers)
        self.bits_down += bits * len(self.cohort.sampled)
        return arrived

    def participants(self):
        """Yield each active participant with its mini-batches; then let in who was late."""
        x, y = self.federation.x.astype(self.theta[0].dtype), self.federation.y
        for j, i in enumerate(self.cohort.active.tolist()):
            self.turn, self.late_now = i, bool(self.cohort.late[j])
            yield i, [(x[rows], y[rows]) for rows in self.cohort.batches(j)]
        self.arrivals += [late for late in self.waiting if late.due <= self.t]
        self.waiting = [late for late in self.waiting if late.due > self.t]

    def local_sgd(self, start, batches, mu=0.0, correction=None):
        """Return the model of the participant whose turn it is, after its local steps."""
        self.trained[self.turn] = self.learn(start, batches, mu, correction)
        return self.trained[self.turn]

    def learn(self, start, batches, mu, correction):
        """Make the local steps; other kinds of models have a way of their own."""
        momentum = self.plan.momentum
        return local_sgd(start, batches, self.alpha, momentum, mu, correction, self.model)

    def message(self, layers):
        """Return what arrives of the layers, and their bits."""
        return send(self.plan.up, layers)

    def report(self, i, update, control=None, steps=0):
        """Send an update to the server, for this round or a later one; return it as it arrives."""
        if self.plan.convention == "each":
            update = each(lambda a: self.plan.factor * a, update)
        update, bits = self.message(update)
        if control is not None:
            control, more = self.message(control)
            bits += more
        due = self.t + (self.plan.delay if self.late_now else 0)
        place = self.waiting if due > self.t else self.arrivals
        place.append(Late(due, i, update, control, steps, bits))
        return place[-1]

    def shares(self):
        """Return w_i of those that arrived, renormalised; zeros if they have no weight."""
        weights = [self.weights[late.participant] for late in self.arrivals]
        return [w / (sum(weights) or 1) for w in weights]

    def mean(self, stretch=None):
        """Return λ Σ w_i Δ_i over what arrived, each Δ_i stretched if asked."""
        total = each(np.zeros_like, self.theta)
        for k, (w, late) in enumerate(zip(self.shares(), self.arrivals, strict=True)):
            factor = w * (stretch[k] if stretch else 1)
            total = each(lambda a, b: a + factor * b, total, late.update)  # noqa: B023
        scale = self.plan.scale(max(1, len(self.arrivals)))
        return each(lambda a: (scale * a).astype(a.dtype), total)


def _unpacked(rows, packing):
    if rows.ndim == 1:
        return packing.unpack(rows)
    return [packing.unpack(row) for row in rows]


def _packed(layers, packing):
    if isinstance(layers[0], np.ndarray):
        return packing.pack(layers)
    return np.stack([packing.pack(one) for one in layers])


class Reference(Rounds):
    """The engine that is there to be read: a Python loop over participants."""

    def begin(self, *arguments):
        """Return a `Round` of these arguments; another kind of model has rounds of its own."""
        return Round(*arguments)

    def round(self, state, cohort):
        """Advance the state by one round; see `Rounds`."""
        r = self.begin(self.federation, self.plan, state, cohort, self.packing)
        ROUNDS[type(self.plan.algorithm)](r)
        state.theta = self.packing.pack(r.theta)
        state.memory = {name: _packed(value, self.packing) for name, value in r.memory.items()}
        state.late = [late.mapped(self.packing.pack) for late in r.waiting]
        own = r.trained.get(self.watch)
        self.watched = None if own is None else self.packing.pack(own)
        return r.bits_up + sum(late.bits for late in r.arrivals), r.bits_down
