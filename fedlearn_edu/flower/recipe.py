"""The recipe of a federation: all that server, participants and engine have to agree on.

It travels as Flower's run configuration, so that each process makes data, model and plan itself.
"""

from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property, lru_cache
from importlib import import_module

import numpy as np

from .. import data as datasets
from .. import models
from ..checks import real_number, whole_number
from ..compression import Cast, Scaling
from ..examples import ARTICLE_UPDATES
from ..federation import algorithms
from ..federation.algorithms import Plan
from ..federation.chance import Chance
from ..federation.participants import Federation
from ..federation.quadratics import simulate
from ..federation.runs import train
from ..objectives import Quadratics

DATA = ("digits", "breast-cancer", "article")
ALGORITHMS = ("FedAvg", "FedSGD", "FedProx", "FedNova", "FedAdam", "FedYogi")
ARTICLE_COUNTS = (6, 4)
MOST_PARTICIPANTS = 10_000


class Target:
    """The model of the article's example: θ is a point, an example is where it should lie.

    The loss of an example x is ½‖θ − x‖², so a participant's gradient is θ minus the mean of its
    examples, and the best θ of all is the article's weighted mean.

    Examples
    --------
    >>> Target.gradient([np.zeros(3)], np.array([[1.0, 2.0, 3.0]]), [0])
    [array([-1., -2., -3.])]
    """

    @staticmethod
    def gradient(theta, x, y):
        """Return θ − mean of x, as a list of one layer; y is not used."""
        return [theta[0] - x.mean(axis=0)]

    @staticmethod
    def loss(theta, x, y):
        """Return the mean of ½‖θ − x‖²."""
        return float(0.5 * ((theta[0] - x) ** 2).sum(axis=1).mean())


@dataclass(frozen=True)
class Recipe:
    """What is trained, by whom and how.

    Parameters
    ----------
    data : {"digits", "breast-cancer", "article"}
        The examples.  "article" is the article's two participants, with 6 and 4 examples at
        (1, 2, 3) and (4, 5, 6).
    participants : int
        N, 2 … 10,000.
    rounds : int
        T ≥ 1.
    seed : int
        The partition, the first parameters and the order of the examples come from it.
    beta : float
        β of the Dirichlet partition by labels.
    hidden : str
        Hidden units of the perceptron, such as "64" or "64,32"; "" is softmax regression.
    dtype : {"float32", "float64"}
        Type of the parameters.
    backend : {"numpy", "torch"}
        Who computes the gradients.
    algorithm : str
        FedAvg, FedSGD, FedProx, FedNova, FedAdam or FedYogi.
    alpha, epochs, momentum, weights, factor, convention, unscale
        As in `Plan`; `weights` is "size" or "equal".
    batch : int
        As in `Plan`, with 0 for all examples at once.
    mu : float
        μ of FedProx.
    up, down : str
        Type in which updates and models travel, such as "float16", or "int8:max" for a step that
        fits the largest value; "" leaves them as they are.
    scaling : float
        λ of `Scaling` around the cast of the updates.
    deadline, patience : float
        Seconds that the server waits for the answers of a round, and before the first round for
        all participants to be there.
    most_examples : int
        A participant that says it has more is not believed.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    Examples
    --------
    >>> recipe = Recipe(participants=3, rounds=10)
    >>> recipe.federation, recipe.plan.algorithm
    (Federation(3 participants, 1,438 examples, 64 inputs), FedAvg())
    >>> Recipe.from_config(recipe.config()) == recipe
    True
    >>> Recipe.article(rounds=40).engine()[0].round(6)
    array([2.2, 3.2, 4.2])
    """

    data: str = "digits"
    participants: int = 3
    rounds: int = 10
    seed: int = 0
    beta: float = 0.5
    hidden: str = "32"
    dtype: str = "float32"
    backend: str = "numpy"
    algorithm: str = "FedAvg"
    alpha: float = 0.1
    epochs: int = 1
    batch: int = 8
    momentum: float = 0.0
    mu: float = 0.0
    weights: str = "size"
    factor: float = 1.0
    convention: str = "mean"
    unscale: bool = False
    up: str = ""
    down: str = ""
    scaling: float = 1.0
    deadline: float = 60.0
    patience: float = 120.0
    most_examples: int = 1_000_000

    def __post_init__(self):
        _one_of(self.data, "data", DATA)
        _one_of(self.algorithm, "algorithm", ALGORITHMS)
        _one_of(self.backend, "backend", ("numpy", "torch"))
        _one_of(self.weights, "weights", ("size", "equal"))
        _one_of(self.dtype, "dtype", ("float32", "float64"))
        if whole_number(self.participants, "participants", 2) > MOST_PARTICIPANTS:
            raise ValueError(
                f"participants is {self.participants}; expected 2 to {MOST_PARTICIPANTS}"
            )
        for name, least in (("rounds", 1), ("seed", 0), ("batch", 0), ("most_examples", 1)):
            whole_number(getattr(self, name), name, least)
        for name in ("beta", "scaling", "deadline", "patience"):
            real_number(getattr(self, name), name, above=0)
        if self.data == "article" and (self.participants, self.backend) != (2, "numpy"):
            raise ValueError("the article's example has 2 participants and the backend numpy")
        self.sizes(1, 2)
        self.make_plan()

    @classmethod
    def article(cls, **options):
        """Return the recipe of the article's example: FedAvg with full batches in float64."""
        own = {"data": "article", "participants": 2, "dtype": "float64", "batch": 0, "alpha": 0.5}
        return cls(**{**own, **options})

    @classmethod
    def from_config(cls, config):
        """Return the recipe that a Flower run configuration holds; what it lacks has defaults."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in config.items() if name in names})

    def config(self):
        """Return the recipe as a Flower run configuration: names, and plain values."""
        return asdict(self)

    def but(self, **changes):
        """Return the recipe with some values changed."""
        return replace(self, **changes)

    def sizes(self, inputs, classes):
        """Return the sizes of the perceptron's layers."""
        try:
            hidden = [int(width) for width in filter(None, self.hidden.split(","))]
        except ValueError:
            raise ValueError(f"hidden is {self.hidden!r}; expected numbers such as 64,32") from None
        return (inputs, *hidden, classes)

    def make_plan(self):
        """Return the `Plan`, having checked it."""
        kind = getattr(algorithms, self.algorithm)
        up = _codec(self.up, "up")
        if self.scaling != 1:
            up = Scaling(self.scaling, then=up or Cast())
        return Plan(
            kind(self.mu) if self.algorithm == "FedProx" else kind(),
            alpha=self.alpha, epochs=self.epochs, batch=self.batch or None,
            momentum=self.momentum, weights=self.weights, factor=self.factor,
            convention=self.convention, unscale=self.unscale,
            up=up, down=_codec(self.down, "down"),
        )  # fmt: skip

    @cached_property
    def _made(self):
        """Federation, first parameters, and the generator as it stands then."""
        rng = np.random.default_rng(self.seed)
        if self.data == "article":
            x = np.repeat(np.array(ARTICLE_UPDATES, dtype=self.dtype), ARTICLE_COUNTS, axis=0)
            parts = np.split(np.arange(len(x)), np.cumsum(ARTICLE_COUNTS)[:-1])
            federation = Federation(x, np.zeros(len(x), dtype=int), parts)
            return federation, [np.zeros(x.shape[1], self.dtype)], rng
        dataset = getattr(datasets, self.data.replace("-", "_"))()
        parts = datasets.dirichlet(dataset.y_train, self.participants, self.beta, rng)
        federation = Federation.from_data(dataset, parts)
        classes = int(federation.y.max()) + 1
        theta = models.init(self.sizes(federation.x.shape[1], classes), rng, self.dtype)
        return federation, self._torch().transposed(theta) if self._torch() else theta, rng

    def _torch(self):
        return import_module("fedlearn_edu.torch_models") if self.backend == "torch" else None

    @property
    def federation(self):
        """Who has which examples."""
        return self._made[0]

    @cached_property
    def plan(self):
        """How they train: a `Plan`."""
        return self.make_plan()

    @property
    def theta(self):
        """θ at the start, a list of layers."""
        return [layer.copy() for layer in self._made[1]]

    @cached_property
    def model(self):
        """Whose gradients are followed: `models`, a `TorchModel`, or `Target`."""
        if self.data == "article":
            return Target
        torch = self._torch()
        if torch is None:
            return models
        module = torch.perceptron(torch.transposed(self._made[1]))
        return torch.TorchModel(module, vectorised=not self.to_the_bit)

    @property
    def to_the_bit(self):
        """Whether the engine has to add in the participants' order: where float32 is cast.

        Another order turns the last bit of an update, and the cast after it makes of that, now
        and then, a whole step of its own: 2⁻¹⁰ of the value with float16, max / 127 with int8.
        """
        return self.dtype == "float32" and bool(self.up or self.down)

    def batches(self, participant, t):
        """Return a participant's mini-batches (x, y) of round t: those that the engine draws.

        Parameters
        ----------
        participant : int
            0 … N − 1.
        t : int
            Round, from 0.

        Returns
        -------
        list of (ndarray, ndarray)
        """
        x, y = self.federation.x, self.federation.y
        own = _cohort(self, t).batches(participant)
        return [(x[rows].astype(self.dtype), y[rows]) for rows in own]

    def measure(self, theta):
        """Return loss and accuracy of θ on the test examples; accuracy is None in the article."""
        x, y = self.federation.x_test, self.federation.y_test
        if self.data == "article":
            return self.model.loss(theta, x, y), None
        return self.model.loss(theta, x, y), float(self.model.accuracy(theta, x, y))

    def engine(self):
        """Return θ after all rounds as the engine computes it, in this process.

        The fast engine, or the readable one, which goes from participant to participant, where
        that has to be the same `to_the_bit`.

        Returns
        -------
        list of ndarray
        """
        federation, plan, rng = self.federation, self.plan, np.random.default_rng(self.seed)
        if self.data == "article":
            problem = Quadratics([1, 1], ARTICLE_UPDATES, counts=ARTICLE_COUNTS)
            history = simulate(
                problem, self.theta[0], self.rounds, self.alpha, local_steps=self.epochs,
                weights=None if self.weights == "size" else [1, 1], factor=self.factor,
                convention=self.convention, unscale=self.unscale, codec=plan.up,
            )  # fmt: skip
            return [history.theta[-1]]
        if self.backend == "torch":
            run = self._torch().TorchRun(federation, plan, self.model, rng, every=0)
            return run.advance(self.rounds, progress=False).theta
        engine = "reference" if self.to_the_bit else "fast"
        return train(federation, plan, self.theta, self.rounds, rng, every=0, engine=engine).theta


@lru_cache(maxsize=2)
def _cohort(recipe, t):
    """Return who does what in round t; kept, since a process may play several participants."""
    federation, plan = recipe.federation, recipe.plan
    chance = Chance(np.random.default_rng(recipe.seed))
    [cohort] = chance.draw(
        range(t, t + 1), federation.counts, plan.epochs, plan.batch, starts=federation.starts
    )
    return cohort


def _one_of(value, name, choices):
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; expected one of {', '.join(choices)}")


def _codec(words, name):
    """Return the `Cast` that "float16" or "int8:max" stands for, or None."""
    if not words:
        return None
    dtype, _, scale = words.partition(":")
    try:
        return Cast(dtype, scale=scale or None)
    except ValueError as error:
        raise ValueError(f"{name} is {words!r}: {error}") from None
