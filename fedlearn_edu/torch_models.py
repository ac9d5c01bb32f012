"""Any `torch.nn.Module` as pure functions of its parameters, to be federated like `models`.

A `TorchModel` answers to the same names as the module `models`: `loss`, `losses`, `gradient`,
`logits`, `probabilities`, `predict`, `accuracy`.  θ is a list of NumPy arrays here as there, so
whatever averages, compresses or mixes models does so without knowing where they come from:
`TorchRun` carries out any plan by the very code of `federation.reference`.
Only this module of the package imports torch.
"""

import copy
from itertools import pairwise

import numpy as np
import torch
from torch.func import functional_call, grad, vmap
from torch.nn.functional import cross_entropy

from .federation.algorithms import Gossip, Scaffold
from .federation.evaluation import summary
from .federation.reference import Reference, Round, each
from .federation.runs import Run, check_fit
from .models import sizes_of


class TorchModel:
    """A module's parameters taken out of it: θ goes in, losses and gradients come out.

    Parameters
    ----------
    module : torch.nn.Module
        Maps inputs (n, …) to scores (n, classes).  It is copied; the caller's stays as it is.
    vectorised : bool
        Whether `gradients` computes all participants at once with torch.func.vmap; False takes
        them one by one, for modules that vmap cannot transform.

    Attributes
    ----------
    module : torch.nn.Module
        The copy.
    names : tuple of str
        The parameters that are trained, in the order of θ; frozen ones stay as they are.

    Raises
    ------
    TypeError
        If `module` is no torch.nn.Module, or its trained parameters are not all float32 or all
        float64.
    ValueError
        If it has nothing to train, or keeps running statistics (BatchNorm does), which no
        gradient describes; GroupNorm keeps none.

    Notes
    -----
    Batch normalisation and unequal data do not go together anyway: Hsieh et al. 2020,
    arXiv 1910.00189.  In a module with Dropout the noise of the gradients comes from
    torch's own generator; losses and predictions are made in evaluation mode, without noise.

    Examples
    --------
    >>> model = TorchModel(torch.nn.Linear(64, 10))
    >>> [layer.shape for layer in model.theta()]
    [(10, 64), (10,)]
    """

    def __init__(self, module, vectorised=True):
        if not isinstance(module, torch.nn.Module):
            raise TypeError(f"module is {type(module).__name__}; expected a torch.nn.Module")
        _refuse_running_statistics(module)
        self.module = copy.deepcopy(module)
        self.vectorised = vectorised
        trained = {n: p for n, p in self.module.named_parameters() if p.requires_grad}
        if not trained:
            raise ValueError("module has no parameter to train")
        dtypes = {parameter.dtype for parameter in trained.values()}
        if len(dtypes) > 1 or not dtypes <= {torch.float32, torch.float64}:
            given = ", ".join(sorted(str(dtype) for dtype in dtypes))
            raise TypeError(f"module has parameters of {given}; expected torch.float32 or float64")
        self.names = tuple(trained)
        self._shapes = [tuple(parameter.shape) for parameter in trained.values()]
        self._dtype = dtypes.pop()

    def theta(self):
        """Return the module's own parameters, θ.

        Returns
        -------
        list of ndarray
            Copies, in the order of `names`.

        Examples
        --------
        >>> len(TorchModel(torch.nn.Linear(2, 3, bias=False)).theta())
        1
        """
        own = dict(self.module.named_parameters())
        return [own[name].detach().numpy().copy() for name in self.names]

    def load(self, theta):
        """Return a module that holds θ, as to save or to go on with in PyTorch.

        Parameters
        ----------
        theta : list of ndarray
            θ.

        Returns
        -------
        torch.nn.Module
            A new one; `module` stays as it is.

        Raises
        ------
        ValueError
            If the shapes of θ are not those of the module's parameters.

        Examples
        --------
        >>> model = TorchModel(torch.nn.Linear(1, 1))
        >>> model.load([np.array([[2.0]]), np.array([0.0])])(torch.tensor([[3.0]])).item()
        6.0
        """
        module = copy.deepcopy(self.module)
        own = dict(module.named_parameters())
        with torch.no_grad():
            for name, value in self._tensors(theta).items():
                own[name].copy_(value)
        return module

    def logits(self, theta, x):
        """Return the scores of the classes; as `models.logits`.

        Parameters
        ----------
        theta : list of ndarray
            θ.
        x : array_like, shape (n, …)
            Inputs.

        Returns
        -------
        ndarray, shape (n, classes)

        Raises
        ------
        ValueError
            If the shapes of θ are not those of the module's parameters.

        Examples
        --------
        >>> model = TorchModel(torch.nn.Linear(2, 2))
        >>> model.logits([np.eye(2), np.array([0.0, 1.0])], [[3, 4]])
        array([[3., 5.]], dtype=float32)
        """
        self.module.eval()
        with torch.no_grad():
            return functional_call(self.module, self._tensors(theta), self._inputs(x)).numpy()

    def probabilities(self, theta, x):
        """Return the softmax of the scores; as `models.probabilities`.

        Parameters
        ----------
        theta, x
            As in `logits`.

        Returns
        -------
        ndarray, shape (n, classes)

        Examples
        --------
        >>> model = TorchModel(torch.nn.Linear(2, 4))
        >>> model.probabilities([np.zeros((4, 2)), np.zeros(4)], [[3, 4]])
        array([[0.25, 0.25, 0.25, 0.25]], dtype=float32)
        """
        return torch.softmax(torch.from_numpy(self.logits(theta, x)), dim=1).numpy()

    def predict(self, theta, x):
        """Return the likeliest class of each input; as `models.predict`.

        Parameters
        ----------
        theta, x
            As in `logits`.

        Returns
        -------
        ndarray of int, shape (n,)

        Examples
        --------
        >>> TorchModel(torch.nn.Linear(2, 2)).predict([np.eye(2), np.zeros(2)], [[3, 4]])
        array([1])
        """
        return self.logits(theta, x).argmax(axis=1)

    def losses(self, theta, x, y):
        """Return the cross-entropy of each example; as `models.losses`.

        Parameters
        ----------
        theta, x
            As in `logits`.
        y : array_like of int, shape (n,)
            Labels.

        Returns
        -------
        ndarray, shape (n,)

        Examples
        --------
        >>> model = TorchModel(torch.nn.Linear(2, 4))
        >>> model.losses([np.zeros((4, 2)), np.zeros(4)], [[3, 4]], [2]).round(4)
        array([1.3863], dtype=float32)
        """
        scores = torch.from_numpy(self.logits(theta, x))
        return cross_entropy(scores, _labels(y), reduction="none").numpy()

    def loss(self, theta, x, y):
        """Return the mean cross-entropy; as `models.loss`.

        Parameters
        ----------
        theta, x, y
            As in `losses`.

        Returns
        -------
        float

        Examples
        --------
        >>> model = TorchModel(torch.nn.Linear(2, 4))
        >>> round(model.loss([np.zeros((4, 2)), np.zeros(4)], [[3, 4]], [2]), 4)
        1.3863
        """
        return float(self.losses(theta, x, y).mean(dtype=np.float64))

    def accuracy(self, theta, x, y):
        """Return the share of examples whose label is predicted; as `models.accuracy`.

        Parameters
        ----------
        theta, x, y
            As in `losses`.

        Returns
        -------
        float

        Examples
        --------
        >>> TorchModel(torch.nn.Linear(2, 2)).accuracy([np.eye(2), np.zeros(2)], [[3, 4]], [1])
        1.0
        """
        return float((self.predict(theta, x) == np.asarray(y)).mean())

    def gradient(self, theta, x, y):
        """Return the gradient of the mean cross-entropy, by autograd; as `models.gradient`.

        Parameters
        ----------
        theta, x, y
            As in `losses`.

        Returns
        -------
        list of ndarray
            In the shapes and type of the module's parameters.

        Raises
        ------
        ValueError
            If the shapes of θ are not those of the module's parameters.

        Examples
        --------
        >>> model = TorchModel(torch.nn.Linear(1, 2))
        >>> model.gradient([np.zeros((2, 1)), np.zeros(2)], [[3.0]], [1])[0]
        array([[ 1.5],
               [-1.5]], dtype=float32)
        """
        labels = _labels(y)
        weights = torch.full((len(labels),), 1 / len(labels), dtype=self._dtype)
        self.module.train()
        slopes = grad(self._weighted_loss)(self._tensors(theta), self._inputs(x), labels, weights)
        return [slopes[name].numpy() for name in self.names]

    def gradients(self, theta, x, y, weights):
        """Return the gradients of N participants at once, each at its own θ_i on its own batch.

        Parameters
        ----------
        theta : list of ndarray
            θ_i, each layer with a first axis of N.
        x : array_like, shape (N, batch, …)
            Inputs; shorter batches are padded with anything finite.
        y : array_like of int, shape (N, batch)
            Labels; on padding any class.
        weights : array_like, shape (N, batch)
            What each example's loss counts: 1/n_i for a mean over n_i examples, 0 on padding.

        Returns
        -------
        list of ndarray
            ∂/∂θ_i Σ_b weights[i, b] · loss of example b; each layer with a first axis of N.

        Examples
        --------
        >>> model = TorchModel(torch.nn.Linear(1, 2, bias=False))
        >>> x, y, weights = [[[3.0], [0.0]]] * 2, [[1, 0], [0, 0]], [[1, 0], [1, 0]]
        >>> model.gradients([np.zeros((2, 2, 1))], x, y, weights)[0][:, 0, 0]
        array([ 1.5, -1.5], dtype=float32)
        """
        participants = len(y)
        tensors = {
            name: torch.tensor(np.asarray(value), dtype=self._dtype)
            for name, value in zip(self.names, theta, strict=True)
        }
        arguments = (tensors, self._inputs(x), _labels(y), self._inputs(weights))
        self.module.train()
        if self.vectorised:
            slopes = vmap(grad(self._weighted_loss), randomness="different")(*arguments)
            return [slopes[name].numpy() for name in self.names]
        each = [
            grad(self._weighted_loss)({name: tensors[name][i] for name in self.names}, *rest)
            for i, *rest in zip(range(participants), *arguments[1:], strict=True)
        ]
        return [torch.stack([slopes[name] for slopes in each]).numpy() for name in self.names]

    def _weighted_loss(self, parameters, x, y, weights):
        scores = functional_call(self.module, parameters, x)
        return (cross_entropy(scores, y, reduction="none") * weights).sum()

    def _inputs(self, x):
        return torch.tensor(np.asarray(x), dtype=self._dtype)

    def _tensors(self, theta):
        shapes = [np.shape(layer) for layer in theta]
        if shapes != self._shapes:
            raise ValueError(f"theta has the shapes {shapes}, the module has {self._shapes}")
        return {
            name: torch.tensor(np.asarray(layer), dtype=self._dtype)
            for name, layer in zip(self.names, theta, strict=True)
        }

    def __repr__(self):
        size = sum(int(np.prod(shape)) for shape in self._shapes)
        return f"TorchModel({type(self.module).__name__}, {size:,} parameters)"


class TorchRun(Run):
    """A plan being carried out on a federation whose model is a torch.nn.Module.

    Parameters
    ----------
    federation : Federation
        Who has which examples.  An example is a row of inputs; a first layer such as
        torch.nn.Unflatten makes a picture of it.
    plan : Plan
        How to train; every algorithm and option.
    model : TorchModel or torch.nn.Module
        The model, and θ at the start.
    rng : numpy.random.Generator
        As in `Run`: one seed gives the same participants and the same order of examples,
        whatever the model.
    every, keep, watch
        As in `Run`.

    Attributes
    ----------
    history : TrainingHistory
    model : TorchModel

    Raises
    ------
    ValueError, TypeError
        If federation, plan and model do not fit together.

    Notes
    -----
    The rounds are those of `federation.reference`.  Local steps are made by all participants
    together, with torch.func.vmap, or, if the model is not `vectorised`, by one after the other.
    A run is resumed by `TorchRun.resume(federation, plan, model, state)`.

    Examples
    --------
    >>> from fedlearn_edu.federation import Federation, Plan
    >>> federation = Federation([[1.0], [-1.0]], [0, 1], [[0], [1]])
    >>> run = TorchRun(federation, Plan(), torch.nn.Linear(1, 2), np.random.default_rng(0))
    >>> float(run.advance(200).history.accuracy[-1])
    1.0
    """

    def __init__(self, federation, plan, model, rng, *, every=1, keep=(), watch=None):
        model = _model(model)
        options = {"every": every, "keep": keep, "watch": watch, "engine": model}
        super().__init__(federation, plan, model.theta(), rng, **options)

    @classmethod
    def resume(cls, federation, plan, model, state, *, every=1, keep=(), watch=None):
        """Return a run that goes on where another stood; its history begins there.

        Parameters
        ----------
        federation, plan, model, every, keep, watch
            As in `TorchRun`; of the model's own θ only the shapes matter.
        state : State
            From `TorchRun.state`.

        Returns
        -------
        TorchRun

        Raises
        ------
        ValueError, TypeError
            If the state is none, or belongs to another model.
        """
        model = _model(model)
        options = {"every": every, "keep": keep, "watch": watch, "engine": model}
        return super().resume(federation, plan, model.theta(), state, **options)

    def _build(self, theta, engine):
        self.model, federation = engine, self._given
        classes = engine.logits(theta, federation.x[:1]).shape[1]
        check_fit(federation, self.plan, federation.x.shape[1], classes)
        self._packing = _Flat(theta)
        parts = self._federation, self.plan, self._packing, self._watch
        self._engine = _Reference(*parts, engine)
        self._evaluation = _Evaluation(federation, self._packing, engine, "locals" in self._keep)


class _Evaluation:
    """What `federation.evaluation` is to `models`."""

    def __init__(self, federation, packing, model, local):
        self.federation, self.packing, self.model, self.local = federation, packing, model, local

    def measure(self, theta, models=None):
        federation, theta = self.federation, self.packing.unpack(theta)
        pairs = [self._measure(theta, federation.x_test, federation.y_test)]
        if self.local and models is None:
            pairs.append(self._measure(theta, federation.x, federation.y))
        elif self.local:
            own = map(self.packing.unpack, models)
            pairs += [self._measure(row, *federation.of(i)) for i, row in enumerate(own)]
        parts = self.local and (federation.starts, federation.counts)
        losses, hits = (np.concatenate(column) for column in zip(*pairs, strict=True))
        return summary(losses, hits, len(federation.y_test), parts)

    def _measure(self, theta, x, y):
        scores = self.model.logits(theta, x)
        losses = cross_entropy(torch.from_numpy(scores), _labels(y), reduction="none").numpy()
        return losses, scores.argmax(axis=1) == y


class _Reference(Reference):
    """The algorithms of the reference, with the gradients of a `TorchModel`."""

    def __init__(self, federation, plan, packing, watch, model):
        super().__init__(federation, plan, packing, watch)
        self.model = model

    def begin(self, *arguments):
        kind = _RoundTogether if self.model.vectorised else Round
        return kind(*arguments, self.model)


class _Flat:
    """Layers one after the other in a row of d numbers; what `Packing` is to `models`."""

    def __init__(self, theta):
        self.shapes = [layer.shape for layer in theta]
        self.ends = np.cumsum([layer.size for layer in theta]).tolist()
        self.size, self.dtype = self.ends[-1], theta[0].dtype

    def pack(self, theta):
        lead = theta[0].shape[: theta[0].ndim - len(self.shapes[0])]
        rows = np.concatenate([layer.reshape(*lead, -1) for layer in theta], axis=-1)
        return rows.astype(self.dtype, copy=False)

    def unpack(self, rows):
        layers = np.split(rows, self.ends[:-1], axis=-1)
        return [
            layer.reshape(*rows.shape[:-1], *shape).copy()
            for layer, shape in zip(layers, self.shapes, strict=True)
        ]


class _RoundTogether(Round):
    """A round whose local steps are all made at once, when the first of them is asked for."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.sent, self.locals = [], None

    def broadcast(self, layers):
        self.sent.append(super().broadcast(layers))
        return self.sent[-1]

    def participants(self):
        for self.now, (i, batches) in enumerate(super().participants()):
            yield i, batches

    def learn(self, start, batches, mu, correction):
        if self.locals is None:
            own = self.cohort.active.tolist()
            starts, corrections = [start] * len(own), None
            if isinstance(self.plan.algorithm, Gossip):
                starts = [self.memory["models"][i] for i in own]
            if isinstance(self.plan.algorithm, Scaffold):
                c = self.sent[1]
                corrections = [each(np.subtract, c, self.memory["c_i"][i]) for i in own]
            x, y = self.federation.x, self.federation.y
            batches = [
                [(x[rows], y[rows]) for rows in self.cohort.batches(j)] for j in range(len(own))
            ]
            self.locals = local_sgd_together(
                self.model, starts, batches, self.alpha, self.plan.momentum, mu, corrections
            )
        return self.locals[self.now]


def local_sgd_together(model, starts, batches, alpha, momentum=0.0, mu=0.0, corrections=None):
    """Return all participants' models after their local steps: `reference.local_sgd`, by vmap.

    Parameters
    ----------
    model : TorchModel
        Whose gradients are followed.
    starts : list of N lists of ndarray
        Where each begins.
    batches : list of N lists of (x, y)
        One mini-batch a step; participants may differ in the number of steps, and batches in
        size.
    alpha, momentum, mu : float
        α, β, and μ of the proximal term.
    corrections : list of N lists of ndarray, optional
        Added to each gradient: c − c_i of SCAFFOLD.

    Returns
    -------
    list of N lists of ndarray
        θ_i.

    Examples
    --------
    >>> model = TorchModel(torch.nn.Linear(1, 2, bias=False))
    >>> batches = [[([[3.0]], [1])], [([[3.0]], [0])]]
    >>> local_sgd_together(model, [[np.zeros((2, 1))]] * 2, batches, alpha=1.0)[0][0]
    array([[-1.5],
           [ 1.5]])
    """
    longest_first = sorted(range(len(starts)), key=lambda i: -len(batches[i]))
    begin, shift = (
        None
        if rows is None
        else [np.stack(layers) for layers in zip(*(rows[i] for i in longest_first), strict=True)]
        for rows in (starts, corrections)
    )
    local, velocity = each(np.copy, begin), each(np.zeros_like, begin)
    for step in range(len(batches[longest_first[0]])):
        now = [batches[i][step] for i in longest_first if len(batches[i]) > step]
        m = len(now)
        g = model.gradients([layer[:m] for layer in local], *_padded(now))
        for k, layer in enumerate(g):
            if mu:
                layer = layer + mu * (local[k][:m] - begin[k][:m])
            if shift is not None:
                layer = layer + shift[k][:m]
            velocity[k][:m] = momentum * velocity[k][:m] + layer
            local[k][:m] -= alpha * velocity[k][:m]
    places = np.argsort(longest_first)
    return [[layer[place] for layer in local] for place in places]


def _padded(batches):
    """Return batches of unequal size as x (N, B, …), y (N, B), and 1/n_i, 0 on padding."""
    n, longest = len(batches), max(len(y) for _, y in batches)
    x = np.zeros((n, longest, *np.shape(batches[0][0])[1:]))
    y, weights = np.zeros((n, longest), dtype=np.int64), np.zeros((n, longest))
    for i, (inputs, labels) in enumerate(batches):
        size = len(labels)
        x[i, :size], y[i, :size], weights[i, :size] = inputs, labels, 1 / size
    return x, y, weights


def _model(model):
    return model if isinstance(model, TorchModel) else TorchModel(model)


def perceptron(theta):
    """Return the `torch.nn.Sequential` that computes what `models` computes with θ.

    Parameters
    ----------
    theta : list of ndarray
        θ = [W_1, b_1, …] as `models.init` makes it.

    Returns
    -------
    torch.nn.Sequential
        Linear layers with ReLU between them, in the type of θ.

    Raises
    ------
    ValueError, TypeError
        If θ is no such list.

    Examples
    --------
    >>> perceptron([np.eye(2), np.array([0.0, 1.0])])(torch.tensor([[3.0, 4.0]]).double()).tolist()
    [[3.0, 5.0]]
    """
    sizes = sizes_of(theta)
    dtype = torch.from_numpy(np.empty(0, theta[0].dtype)).dtype
    layers = []
    for inputs, outputs in pairwise(sizes):
        layers += [torch.nn.Linear(inputs, outputs, dtype=dtype), torch.nn.ReLU()]
    module = torch.nn.Sequential(*layers[:-1])
    return TorchModel(module).load(transposed(theta))


def transposed(theta):
    """Return θ with each weight matrix transposed: from `models` to PyTorch, and back.

    Parameters
    ----------
    theta : list of ndarray
        [W_1, b_1, …]; W is (inputs, outputs) in `models`, (outputs, inputs) in torch.nn.Linear.

    Returns
    -------
    list of ndarray

    Examples
    --------
    >>> [layer.shape for layer in transposed([np.zeros((64, 10)), np.zeros(10)])]
    [(10, 64), (10,)]
    """
    return [np.ascontiguousarray(np.transpose(layer)) for layer in theta]


def _labels(y):
    return torch.tensor(np.asarray(y), dtype=torch.int64)


def _refuse_running_statistics(module):
    for name, part in module.named_modules():
        if getattr(part, "track_running_stats", False):
            raise ValueError(
                f"{name or 'module'} is {type(part).__name__}, which keeps running statistics "
                "that no gradient describes; use GroupNorm, or track_running_stats=False"
            )
