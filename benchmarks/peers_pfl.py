"""The workload in Apple's pfl-research; imported only where it is installed."""

from importlib.metadata import version

import numpy as np
import torch
from pfl.aggregate.simulate import SimulatedBackend
from pfl.aggregate.weighting import WeightByDatapoints
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.callback.base import TrainingProcessCallback
from pfl.data.dataset import Dataset
from pfl.data.federated_dataset import FederatedDataset
from pfl.data.sampling import MinimizeReuseUserSampler
from pfl.hyperparam.base import NNTrainHyperParams
from pfl.metrics import Metrics, Weighted
from pfl.model.pytorch import PyTorchModel

from benchmarks.engine import ALPHA, BATCH, PlainLoop, as_theta


class Perceptron(torch.nn.Sequential):
    def loss(self, x, y):
        return torch.nn.functional.cross_entropy(self(x), y)

    def metrics(self, x, y):
        return {"loss": Weighted(self.loss(x, y).item() * len(y), len(y))}


class After(TrainingProcessCallback):
    def __init__(self, call):
        self.call = call

    def after_central_iteration(self, metrics, model, *, central_iteration):
        self.call(
            central_iteration + 1, lambda: as_theta(model.pytorch_model.state_dict().values())
        )
        return False, Metrics()


def run(federation, theta, rounds, after):
    torch.set_num_threads(1)
    np.random.seed(1)  # noqa: NPY002 (pfl draws from NumPy's global generator)
    loop, n = PlainLoop(federation, theta), federation.participants

    def examples(i):
        x, y = loop.clients[i]
        rows = torch.randperm(len(y), generator=loop.generator)
        return Dataset((x[rows], y[rows]), user_id=str(i))

    everybody = FederatedDataset(examples, MinimizeReuseUserSampler(range(n)))
    perceptron = Perceptron(*loop.model)
    perceptron.load_state_dict(loop.server)
    model = PyTorchModel(
        perceptron,
        local_optimizer_create=torch.optim.SGD,
        central_optimizer=torch.optim.SGD(perceptron.parameters(), lr=1.0),
    )
    FederatedAveraging().run(
        NNAlgorithmParams(
            central_num_iterations=rounds,
            evaluation_frequency=rounds,  # in the first round only, before anything is measured
            train_cohort_size=n,
            val_cohort_size=0,
        ),
        SimulatedBackend(everybody, everybody, postprocessors=[WeightByDatapoints()]),
        model,
        NNTrainHyperParams(local_learning_rate=ALPHA, local_num_epochs=1, local_batch_size=BATCH),
        callbacks=[After(after)],
        send_metrics_to_platform=False,
    )
    return f"pfl {version('pfl')}, torch {torch.__version__}"
