"""PyTorch models in a federation: what needs torch and not Flower."""

import numpy as np
import pytest

from fedlearn_edu.federation.wire import decode
from fedlearn_edu.flower.recipe import Recipe
from fedlearn_edu.flower.rounds import Answer, ParticipantHalf, ServerHalf

pytest.importorskip("torch")


# Rounds in two halves with PyTorch's gradients give what `TorchRun` gives, and what NumPy's
# gradients give from the same seed.
def test_torch_models_in_halves():
    recipe = Recipe(backend="torch", dtype="float64", hidden="8", rounds=3, up="float16")
    plan, theta = recipe.plan, recipe.theta
    for t in range(recipe.rounds):
        answers = []
        for i, n in enumerate(recipe.federation.counts.tolist()):
            batches = recipe.batches(i, t)
            half = ParticipantHalf(plan, t, theta, batches, recipe.model).run()
            update = decode(plan.up, half.payloads, theta)
            answers.append(Answer(i, n, len(batches), update))
        theta = ServerHalf(plan, t, theta, {}, answers).run().theta
    for other, names in ((recipe, "torch"), (recipe.but(backend="numpy"), "numpy")):
        wanted = other.engine()
        if names == "numpy":
            wanted = [layer.T for layer in wanted]
        for a, b in zip(theta, wanted, strict=True):
            assert np.abs(a - b).max() < 1e-6, names
