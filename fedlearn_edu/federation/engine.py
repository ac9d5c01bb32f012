"""The same algorithms for all participants at once.

What makes it fast, beyond laying examples out well (`layout`):

* In the first local step all participants still have the server's model: one dense product.
* With SGD, momentum and the proximal term, what a participant sends is a sum of its gradients,
  each with a weight a that is known beforehand.  The mean over participants is then one product
  of all inputs with all deltas, and nobody's last model is ever formed.
* Biases are a column of ones; the classes are the first axis in the softmax; every product and
  sum is written into a buffer that is there already.
"""

from functools import cache
from itertools import chain, pairwise

import numpy as np

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
from .layout import lay_out, lay_out_once
from .mixing import Mixer
from .state import Late, Rounds
from .wire import bits, send_rows

BLOCK_BYTES = 1_000_000
CHUNK_SLOTS = 4096
MOST_VIEWS = 4096
SUMMED = (FedAvg, FedSGD, Centralised, FedProx, FedNova, FedAdam, FedYogi)


class Buffers:
    """Arrays that every step of every round writes into.

    Inputs of a layer have a column of ones for the biases.  Deltas have one too, though nothing
    is computed from it: so the ReLU and its slope run over whole arrays, which is faster.

    Parameters
    ----------
    packing : Packing
        Sizes of the model.
    participants, slots : int
        Most participants in a block, most slots in a chunk.
    dtype : dtype
        float32 or float64.
    """

    def __init__(self, packing, participants, slots, dtype):
        inputs, *hidden, classes = packing.sizes
        self.participants, self.slots = participants, slots
        self.inputs = [np.empty((slots, inputs + 1), dtype)]
        self.inputs += [np.ones((slots, width + 1), dtype) for width in hidden]
        self.deltas = [np.ones((slots, width + 1), dtype) for width in hidden]
        self.masks = [np.empty((slots, width + 1), bool) for width in hidden]
        self.zeros = [np.zeros((slots, width + 1), dtype) for width in hidden]
        self.scores, self.targets = (np.empty((classes, slots), dtype) for _ in range(2))
        self.z = np.empty(classes * slots, dtype)
        self.top, self.coefficients = np.empty(slots, dtype), np.empty(slots, dtype)
        self.rows = np.empty(slots, np.int64)
        self.models, self.gradients, self.velocity, self.scratch, self.own, self.shift = (
            np.empty((participants, packing.size), dtype) for _ in range(6)
        )
        self.model_layers = packing.views(self.models)
        self.gradient_layers = packing.views(self.gradients)


class Step:
    """Views of the buffers for one local step of the first c participants of a block.

    Names that end in `_` have the participants as first axis, the others have all slots in one.

    Parameters
    ----------
    buffers : Buffers
        Where everything lies.
    begin, c, n, width : int
        First slot; participants that make the step; those whose models are needed afterwards;
        slots of a mini-batch.
    """

    def __init__(self, buffers, begin, c, n, width):
        slots = slice(begin, begin + c * width)
        self.n = n
        self.inputs = [array[slots] for array in buffers.inputs]
        self.whole = [array[slots] for array in buffers.deltas]
        self.masks = [array[slots] for array in buffers.masks]
        self.zeros = [array[slots] for array in buffers.zeros]
        self.deltas = [array[:, :-1] for array in self.whole]
        self.scores, self.targets = buffers.scores[:, slots], buffers.targets[:, slots]
        self.z = buffers.z[: self.scores.size].reshape(self.scores.shape)
        self.top, self.coefficients = buffers.top[slots], buffers.coefficients[slots]
        self.inputs_ = [a.reshape(c, width, -1) for a in self.inputs]
        self.deltas_ = [a.reshape(c, width, -1)[:, :, :-1] for a in self.whole]
        self.scores_, self.z_ = (
            a.reshape(-1, c, width).transpose(1, 0, 2) for a in (self.scores, self.z)
        )
        self.models_ = [layer[:c] for layer in buffers.model_layers]
        if n:
            self.models, self.gradients = buffers.models[:n], buffers.gradients[:n]
            self.velocity, self.scratch = buffers.velocity[:n], buffers.scratch[:n]
            left = [a[:n].transpose(0, 2, 1) for a in self.inputs_[:-1]] + [self.scores_[:n]]
            right = [a[:n] for a in self.deltas_] + [self.inputs_[-1][:n]]
            out = [layer[:n] for layer in buffers.gradient_layers]
            self.products = list(zip(left, right, out, strict=True))


def deltas_of_all(step, layers):
    """Fill the deltas of a step in which everybody has the same model: dense products."""
    *hidden, last = layers
    for depth, w in enumerate(hidden):
        np.matmul(step.inputs[depth], w, out=step.deltas[depth])
        _relu(step, depth)
    np.matmul(last, step.inputs[-1].T, out=step.z)
    _softmax(step)
    above, w = step.scores.T, last[:, :-1]
    for depth in reversed(range(len(hidden))):
        np.matmul(above, w, out=step.deltas[depth])
        np.multiply(step.whole[depth], step.masks[depth], out=step.whole[depth])
        above, w = step.deltas[depth], hidden[depth][:-1].T


def deltas_of_each(step):
    """Fill the deltas of a step in which everybody has a model of its own: batched products."""
    *hidden, last = step.models_
    for depth, w in enumerate(hidden):
        np.matmul(step.inputs_[depth], w, out=step.deltas_[depth])
        _relu(step, depth)
    np.matmul(last, step.inputs_[-1].transpose(0, 2, 1), out=step.z_)
    _softmax(step)
    above, w = step.scores_.transpose(0, 2, 1), last[:, :, :-1]
    for depth in reversed(range(len(hidden))):
        np.matmul(above, w, out=step.deltas_[depth])
        np.multiply(step.whole[depth], step.masks[depth], out=step.whole[depth])
        above, w = step.deltas_[depth], hidden[depth][:, :-1].transpose(0, 2, 1)


def _relu(step, depth):
    z, zeros = step.whole[depth], step.zeros[depth]
    np.greater(z, zeros, out=step.masks[depth])
    np.maximum(z, zeros, out=step.inputs[depth + 1])


def _softmax(step):
    """Turn z into coefficient · (probability − target), the deltas of the scores.

    z lies in one piece, and in the same place for every step: that halves the time.
    """
    z, top = step.z, step.top
    np.maximum.reduce(z, axis=0, out=top)
    np.subtract(z, top, out=z)
    np.exp(z, out=z)
    np.add.reduce(z, axis=0, out=top)
    np.divide(step.coefficients, top, out=top)
    np.multiply(z, top, out=z)
    np.subtract(z, step.targets, out=step.scores)


def gradient_weights(steps, alpha, momentum, mu):
    """Return a_j, how much of a gradient is in θ − θ_i, over α, when j more steps follow it.

    Parameters
    ----------
    steps : int
        How many are needed: j = 0 … steps − 1.
    alpha, momentum, mu : float
        α, β, μ.

    Returns
    -------
    ndarray, shape (steps,)
        1 with plain SGD; (1 − β^(j+1))/(1 − β) with momentum; (1 − αμ)^j with the proximal term.

    Notes
    -----
    The vector a_i of Wang et al. 2020, arXiv 2007.07481, section 4.1, in reverse.

    Examples
    --------
    >>> gradient_weights(3, 0.1, 0.5, 0.0), gradient_weights(3, 0.1, 0.0, 1.0)
    (array([1.  , 1.5 , 1.75]), array([1.  , 0.9 , 0.81]))
    """
    if not momentum or not mu:
        powers = np.arange(steps)
        if momentum:
            return -np.expm1((powers + 1) * np.log(momentum)) / (1 - momentum)
        return (1 - alpha * mu) ** powers
    weights, moved, velocity = np.empty(steps), 0.0, 1.0
    for j in range(steps):
        moved += velocity
        weights[j] = moved
        velocity = momentum * velocity - alpha * mu * moved
    return weights


class Engine(Rounds):
    """All participants at once."""

    def __init__(self, federation, plan, packing, watch=None):
        super().__init__(federation, plan, packing, watch)
        self.weights = plan.weights_of(federation.counts)
        self.summed = isinstance(plan.algorithm, SUMMED) and plan.up is None and not plan.delay
        self.formed = not self.summed or watch is not None  # everybody's last model, too
        self.mu = plan.algorithm.mu if isinstance(plan.algorithm, FedProx) else 0.0
        self.scheduled = bool(self.mu) and callable(plan.alpha)  # gradients count by the round
        everybody = (plan.fraction, plan.dropout, plan.stragglers) == (1.0, 0.0, None)
        self.constant = everybody and not self.scheduled  # laid out alike in every round
        self.scale = cache(plan.scale)
        self.x = self.same = self.buffers = self.views = self.model_bits = None
        self.norms = np.zeros(0)
        self.overwritten = []

    def prepare(self, state, cohorts):
        """Lay the cohorts out, all in one go; see `Rounds`."""
        dtype = state.theta.dtype
        if self.x is None:
            ones = np.ones((len(self.federation.x), 1), dtype)
            self.x = np.hstack([self.federation.x.astype(dtype), ones])
            self.model_bits = bits(None, self.packing, dtype)
            self.total = np.empty(self.packing.size, dtype)
            self.total_layers = self.packing.views(self.total)
            if isinstance(self.plan.algorithm, Gossip):
                self.mixer = Mixer(self.plan.algorithm.mixing, self.packing.size, dtype)
        if self.scheduled and len(cohorts) > 1:
            return  # each when its round begins: before, nobody may ask for its learning rate
        if not self.constant:
            self._lay_out(state, cohorts)
        elif self.same is None:
            self.same = cohorts[0]
            self._lay_out(state, [self.same])
        if self.constant:
            for cohort in cohorts:
                cohort.factors, cohort.blocks = self.same.factors, self.same.blocks
        self._reserve(chain.from_iterable(cohort.blocks for cohort in cohorts), dtype)

    def _lay_out(self, state, cohorts):
        for cohort in cohorts:
            cohort.blocks = []
        there = [cohort for cohort in cohorts if len(cohort.active)]
        if not there:
            return
        dtype, gains = state.theta.dtype, None
        self._share(there)
        if self.summed:
            most = max(int(cohort.steps.max()) for cohort in there)
            alpha = self.plan.alpha_at(state.round) if self.mu else 0.0
            gains = gradient_weights(most, alpha, self.plan.momentum, self.mu)
            if not isinstance(self.plan.algorithm, FedSGD):
                gains = -gains
        if not self.formed and most == 1:
            for cohort in there:
                cohort.blocks = lay_out_once(cohort, CHUNK_SLOTS, dtype, gains[0])
            return
        arrays = 2 if self.formed else 1
        size = max(1, BLOCK_BYTES // (arrays * self.packing.size * dtype.itemsize))
        blocks = lay_out(there, size, CHUNK_SLOTS, dtype, gains)
        for cohort, own in zip(there, blocks, strict=True):
            cohort.blocks = own

    def _share(self, cohorts):
        """Say how much each update counts in its round, if none is late."""
        ends = np.cumsum([len(cohort.active) for cohort in cohorts])
        active, steps = (
            np.concatenate([getattr(cohort, name) for cohort in cohorts])
            for name in ("active", "steps")
        )
        factors = self.shares(self.weights[active], steps, np.append(0, ends[:-1]))
        if self.summed and self.plan.convention == "each":
            factors *= self.plan.factor
        for cohort, own in zip(cohorts, np.split(factors, ends[:-1]), strict=True):
            cohort.factors = own

    def shares(self, weights, steps, first):
        """Return how much each update counts in its round.

        Parameters
        ----------
        weights : ndarray, shape (m,)
            w_i of the updates of one round after the other.
        steps : ndarray of int, shape (m,)
            S_i that each is made of.
        first : ndarray of int
            Where each round begins; in each there is an update.

        Returns
        -------
        ndarray, shape (m,)
            Of each round they add up to 1, or are 0; with FedNova they are τ/‖a_i‖₁ of that.
        """
        number = np.diff(first, append=len(weights))
        total = np.add.reduceat(weights, first)
        total[total == 0] = 1.0
        shares = weights / np.repeat(total, number)
        if isinstance(self.plan.algorithm, FedNova):
            norms = self.norms_of(steps)
            tau = np.add.reduceat(shares * norms, first)
            shares *= np.repeat(tau, number) / norms
        return shares

    def norms_of(self, steps):
        """Return ‖a_i‖₁ of those who make so many steps, without a proximal term."""
        most = int(steps.max(initial=0))
        if most > len(self.norms):
            self.norms = np.cumsum(gradient_weights(2 * most, 0.0, self.plan.momentum, 0.0))
        return self.norms[steps - 1]

    def _reserve(self, blocks, dtype):
        """Have buffers for the largest chunk, and for all models of a block that are needed."""
        slots, models = 0, 1
        if self.buffers is not None:
            slots, models = self.buffers.slots, self.buffers.participants
        for block in blocks:
            slots = max(slots, *(len(chunk.source) for chunk in block.chunks))
            if self.formed or block.chunks[0].active[1:] != [0]:
                models = max(models, len(block.members))
        have = self.buffers
        if have is None or (slots, models) != (have.slots, have.participants):
            self.buffers, self.views = Buffers(self.packing, models, slots, dtype), {}

    def round(self, state, cohort):
        """Advance the state by one round; see `Rounds`."""
        if cohort.blocks is None:
            self.prepare(state, [cohort])
        self.order, self.active, self.watched = cohort.order, cohort.active, None
        self.overwritten.clear()
        self.alpha = self.plan.alpha_at(state.round)
        if isinstance(self.plan.algorithm, Gossip):
            return self._gossip(state, cohort), 0
        start, down = self._broadcast(state.theta, cohort)
        self.local_alpha = 1.0 if isinstance(self.plan.algorithm, FedSGD) else self.alpha
        if isinstance(self.plan.algorithm, Scaffold):
            self.control, more = self._broadcast(state.memory["c"], cohort)
            down += more
        tally = Tally(self, state, cohort)
        for block in cohort.blocks:
            tally.take(block, start)
        self._serve(state, tally)
        return (0, 0) if isinstance(self.plan.algorithm, Centralised) else (tally.bits_up, down)

    def undo(self):
        """Put back what the last round has overwritten; see `Rounds`."""
        for rows, who, before in reversed(self.overwritten):
            rows[who] = before

    def _broadcast(self, row, cohort):
        codec = self.plan.down
        if codec is None:
            return row, len(cohort.sampled) * self.model_bits
        arrived, taken = send_rows(codec, row[None], self.packing)
        return arrived[0], len(cohort.sampled) * int(taken[0])

    def _steps(self, chunk):
        """Return the views for the steps of a chunk; they are kept, since most come again."""
        if chunk.steps is not None:
            return chunk.steps
        steps, begin, known = [], 0, self.views
        for c, after in pairwise(chunk.active):
            key = (begin, c, c if self.formed else after, chunk.width)
            step = known.get(key)
            if step is None:
                if len(known) >= MOST_VIEWS:
                    known.clear()
                step = known[key] = Step(self.buffers, *key)
            steps.append(step)
            begin += c * chunk.width
        if self.constant:
            chunk.steps = steps
        return steps

    def _fill(self, chunk):
        """Put the examples of a chunk into its slots."""
        buffers, t = self.buffers, len(chunk.source)
        rows = np.take(self.order, chunk.source, out=buffers.rows[:t], mode="clip")
        np.take(self.x, rows, axis=0, out=buffers.inputs[0][:t], mode="clip")
        coefficients = np.multiply(chunk.share, self.local_alpha, out=buffers.coefficients[:t])
        buffers.targets[:, :t] = 0
        places = self.federation.y[rows] * buffers.slots
        places += np.arange(t)
        buffers.targets.reshape(-1)[places] = coefficients

    def learn(self, block, start, own=None, shift=None, each=None):
        """Let a block make its local steps; its models end up in the buffers.

        Parameters
        ----------
        block : Block
            Who.
        start : ndarray, shape (d,)
            θ as received.
        own : ndarray, shape (P, d), optional
            Models of their own to start from, instead of θ.
        shift : ndarray, shape (P, d), optional
            Added to each gradient, times α.
        each : function of a chunk, optional
            Called when its deltas are there.
        """
        layers = self.packing.views(start)
        if own is not None:
            self.buffers.models[: len(own)] = own
        for chunk in block.chunks:
            self._fill(chunk)
            for k, step in enumerate(self._steps(chunk)):
                first = chunk.first and k == 0
                if first and own is None:
                    deltas_of_all(step, layers)
                else:
                    deltas_of_each(step)
                if step.n:
                    for left, right, out in step.products:
                        np.matmul(left, right, out=out)
                    self._move(step, start, first, own is None, shift)
            if each is not None:
                each(chunk)
        if self.watch is not None:
            for k in np.flatnonzero(self.active[block.members] == self.watch):
                self.watched = self.buffers.models[k].copy()

    def _move(self, step, start, first, shared, shift):
        """Take a local step: v ← βv + g, θ_i ← θ_i − α v, with what is added to g."""
        g, momentum = step.gradients, self.plan.momentum
        if shift is not None:
            g += shift[: step.n]
        if self.mu and not first:
            pull = np.subtract(step.models, start, out=step.scratch)
            pull *= self.local_alpha * self.mu
            g += pull
        if momentum and first:
            step.velocity[...] = g
        elif momentum:
            step.velocity *= momentum
            step.velocity += g
            g = step.velocity
        np.subtract(start if first and shared else step.models, g, out=step.models)

    def _serve(self, state, tally):
        """Move θ by what arrived, as the algorithm has it."""
        algorithm, scale = self.plan.algorithm, self.scale(max(1, tally.arrivals))
        change = (scale * tally.total).astype(state.theta.dtype, copy=False)
        if isinstance(algorithm, FedSGD):
            state.theta = state.theta - self.alpha * change
        elif isinstance(algorithm, FedAdam):
            if tally.arrivals:
                _adapt(state, algorithm, change)
        else:
            state.theta = state.theta + change
        state.theta = state.theta.astype(change.dtype, copy=False)
        if isinstance(algorithm, Scaffold):
            state.memory["c"] = state.memory["c"] + tally.control

    def _gossip(self, state, cohort):
        own = state.memory["models"]
        self.overwritten.append((own, cohort.active, own[cohort.active]))
        self.local_alpha = self.alpha
        for block in cohort.blocks:
            who = cohort.active[block.members]
            self.learn(block, state.theta, own=own[who])
            own[who] = self.buffers.models[: len(who)]
        there = cohort.active
        sent, taken = send_rows(self.plan.up, own[there], self.packing)
        degrees = self.mixer.mix(own, sent, there)
        state.theta = own.mean(axis=0)
        return int(degrees @ taken)


def _adapt(state, a, g):
    memory = state.memory
    m = memory["m"] = a.beta1 * memory["m"] + (1 - a.beta1) * g
    squares = g * g
    if isinstance(a, FedYogi):
        v = memory["v"] - (1 - a.beta2) * squares * np.sign(memory["v"] - squares)
    else:
        v = a.beta2 * memory["v"] + (1 - a.beta2) * squares
    memory["v"] = v
    state.theta = state.theta + a.rate * m / (np.sqrt(v) + a.tau)


class Tally:
    """What arrives at the server in a round, added up block by block.

    Parameters
    ----------
    engine : Engine
        Whose round it is.
    state : State
        Where the run stands; updates that come late are put there, and those due taken.
    cohort : Cohort
        Who takes part.

    Attributes
    ----------
    total : ndarray, shape (d,)
        Σ w_i Δ_i; with FedSGD of the gradients, with FedNova each divided by ‖a_i‖₁/τ.
    control : ndarray, shape (d,)
        Σ w_i (change of c_i), with SCAFFOLD.
    arrivals : int
        How many updates arrived.
    bits_up : int
        What they took.
    """

    def __init__(self, engine, state, cohort):
        self.engine, self.state, self.cohort = engine, state, cohort
        self.t, self.arrivals, self.factors = state.round, len(cohort.active), cohort.factors
        self.total, self.layers, self.control = engine.total, engine.total_layers, 0.0
        self.total[...] = 0
        self.bits_up = self.arrivals * engine.model_bits if engine.summed else 0
        if engine.plan.delay:
            self._await()

    def _await(self):
        """Take those due from earlier rounds, and leave out those who are late now."""
        state, cohort, engine = self.state, self.cohort, self.engine
        due = [late for late in state.late if late.due <= self.t]
        state.late = [late for late in state.late if late.due > self.t]
        self.arrivals += len(due) - int(np.count_nonzero(cohort.late))
        self.bits_up += sum(late.bits for late in due)
        if not due and not len(cohort.active):
            return
        weights = engine.weights[[late.participant for late in due]] if due else []
        weights = np.append(np.where(cohort.late, 0.0, engine.weights[cohort.active]), weights)
        steps = np.append(cohort.steps, [late.steps for late in due]).astype(int)
        shares = engine.shares(weights, steps, np.array([0]))
        self.factors, factors = np.split(shares, [len(cohort.active)])
        dtype = state.theta.dtype
        for factor, late in zip(factors, due, strict=True):
            self.total += dtype.type(factor) * late.update
            if late.control is not None:
                weight = dtype.type(engine.weights[late.participant])
                self.control = self.control + weight * late.control

    def take(self, block, start):
        """Let a block learn, and add up what it sends."""
        engine = self.engine
        if engine.summed:
            engine.learn(block, start, each=self._sum)
            return
        who, steps = self.cohort.active[block.members], self.cohort.steps[block.members]
        scaffold = isinstance(engine.plan.algorithm, Scaffold)
        own = shift = change = None
        if scaffold:
            own, shift = engine.buffers.own[: len(who)], engine.buffers.shift[: len(who)]
            self.state.memory["c_i"].take(who, axis=0, out=own, mode="clip")
            np.subtract(engine.control, own, out=shift)
            shift *= engine.local_alpha
        engine.learn(block, start, shift=shift)
        if isinstance(engine.plan.algorithm, FedSGD):
            updates = engine.buffers.gradients[: len(who)]
        else:
            updates = engine.buffers.models[: len(who)]
            updates -= start
        if scaffold:
            tiny = np.finfo(updates.dtype).tiny
            reach = np.maximum(engine.local_alpha * engine.norms_of(steps), tiny)
            change = np.multiply(updates, (-1 / reach).astype(updates.dtype)[:, None], out=shift)
            change -= engine.control
        change = self._receive(block, who, updates, change)
        if scaffold:
            engine.overwritten.append((self.state.memory["c_i"], who, own.copy()))
            own += change
            self.state.memory["c_i"][who] = own

    def _sum(self, chunk):
        """Add the sum of a chunk's gradients, each with its weights; the deltas are used up."""
        buffers, t = self.engine.buffers, len(chunk.source)
        weights, slots = chunk.weights
        hidden = zip(buffers.inputs, buffers.deltas, self.layers, strict=False)
        for inputs, deltas, layer in hidden:
            batches = deltas[:t].reshape(len(weights), -1)
            np.multiply(batches, weights, out=batches)
            layer += inputs[:t].T @ deltas[:t, :-1]
            deltas[:t, -1] = 1
        scores = np.multiply(buffers.scores[:, :t], slots, out=buffers.scores[:, :t])
        self.layers[-1][...] += scores @ buffers.inputs[-1][:t]

    def _receive(self, block, who, updates, change):
        """Send the updates, add up those that arrive now, put the others aside.

        Return the changes of c_i as they arrive.
        """
        engine, plan = self.engine, self.engine.plan
        if plan.convention == "each":
            updates = (plan.factor * updates).astype(updates.dtype, copy=False)
        late = self.cohort.late[block.members]
        if plan.up is None and not late.any():
            taken = np.full(len(who), engine.model_bits * (1 if change is None else 2))
        else:
            updates, taken = send_rows(plan.up, updates, engine.packing)
            if change is not None:
                change, more = send_rows(plan.up, change, engine.packing)
                taken = taken + more
        self.total += self.factors[block.members].astype(updates.dtype) @ updates
        if change is not None:
            known = np.where(late, 0, engine.weights[who]).astype(change.dtype)
            self.control = self.control + known @ change
        self.bits_up += int(taken[~late].sum())
        for k in np.flatnonzero(late):
            self.state.late.append(
                Late(
                    self.t + plan.delay,
                    int(who[k]),
                    updates[k].copy(),
                    None if change is None else change[k].copy(),
                    int(self.cohort.steps[block.members[k]]),
                    int(taken[k]),
                )
            )
        return change
