"""Recipes that the tests train: each option of the arithmetic is in one of them."""

import os
from importlib.util import find_spec

import pytest

from fedlearn_edu.flower.recipe import Recipe

TOLERANCE = {"float64": 1e-6, "float32": 1e-4}
SMALL = {"rounds": 10, "hidden": "16", "deadline": 120.0}
FULL = {"algorithm": "FedSGD", "batch": 0, "alpha": 0.5, "dtype": "float64"}

RECIPES = {
    "FedAvg": Recipe(**SMALL),
    "FedAvg, float64": Recipe(dtype="float64", epochs=2, momentum=0.5, seed=1, **SMALL),
    "FedAvg, equal weights, λ each": Recipe(
        weights="equal", factor=0.5, convention="each", **SMALL
    ),
    "FedAvg, λ sum, unscaled": Recipe(factor=0.1, convention="sum", unscale=True, **SMALL),
    "FedAvg, float16": Recipe(
        up="float16", down="bfloat16", scaling=64.0, dtype="float64", **SMALL
    ),
    "FedAvg, int8": Recipe(up="int8:max", dtype="float64", **SMALL),
    "FedAvg, float32 as float16": Recipe(up="float16", down="float16", scaling=64.0, **SMALL),
    "FedAvg, float32 as bfloat16": Recipe(up="bfloat16", down="bfloat16", **SMALL),
    "FedAvg, float32 as int8": Recipe(up="int8:max", down="int8:max", **SMALL),
    "FedAvg, float32 as int4": Recipe(up="int4:max", seed=1, **SMALL),
    "FedSGD": Recipe(**FULL, **SMALL),
    "FedSGD, equal weights, λ sum": Recipe(
        data="breast-cancer",
        weights="equal",
        factor=0.5,
        convention="sum",
        **{**FULL, "dtype": "float32"},
        **SMALL,
    ),
    "FedSGD, equal weights, λ each, float32 as int8": Recipe(
        data="breast-cancer",
        weights="equal",
        factor=0.5,
        convention="each",
        up="int8:max",
        down="bfloat16",
        **{**FULL, "dtype": "float32"},
        **SMALL,
    ),
    "FedProx": Recipe(algorithm="FedProx", mu=0.5, **SMALL),
    "FedNova": Recipe(algorithm="FedNova", epochs=2, **SMALL),
    "FedAdam": Recipe(algorithm="FedAdam", dtype="float64", **SMALL),
    "FedYogi": Recipe(algorithm="FedYogi", dtype="float64", **SMALL),
    "article": Recipe.article(rounds=10),
    "article, λ": Recipe.article(rounds=10, epochs=3, factor=0.3, weights="equal", scaling=8.0),
}

# Those that go through Flower: between them FedAvg and FedSGD, both weights, λ, casts both ways,
# of float32 and of float64.
IN_FLOWER = ("FedAvg, float16", "FedSGD, equal weights, λ each, float32 as int8")

# The same for PyTorch, but for the article's, whose model has no module, and those whose float32 is
# cast, since PyTorch's order of adding is not NumPy's (`Recipe.to_the_bit`); in larger batches,
# since a step takes PyTorch a millisecond however small it is.
FOR_TORCH = {
    name: recipe.but(batch=recipe.batch and 64)
    for name, recipe in RECIPES.items()
    if recipe.data != "article" and not recipe.to_the_bit
}

# `make flower` installs PyTorch; where somebody runs the tests without, this is said, and CI fails.
needs_torch = pytest.mark.skipif(
    find_spec("torch") is None and "CI" not in os.environ,
    reason="no PyTorch in this environment: make flower installs it",
)


def as_torch(theta):
    """θ of `models` as torch.nn.Linear has it: each weight matrix transposed."""
    return [layer.T for layer in theta]
