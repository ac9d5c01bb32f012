"""Keras 3 for the appendix of chapter 6, on a backend of one's choice; only here is it imported."""

import os
import tempfile
from importlib.util import find_spec
from unittest.mock import patch


def absent(backend="torch"):
    """Return what is not installed of Keras and a backend.

    Parameters
    ----------
    backend : {"torch", "tensorflow", "jax"}

    Returns
    -------
    list of str
        Names of packages.

    Examples
    --------
    >>> absent("no_such_backend")[-1]
    'no_such_backend'
    """
    return [name for name in ("keras", backend) if find_spec(name) is None]


def load(backend="torch"):
    """Return Keras on a backend, imported without a trace: it reads and leaves no configuration.

    Parameters
    ----------
    backend : {"torch", "tensorflow", "jax"}

    Returns
    -------
    module

    Raises
    ------
    ModuleNotFoundError
        If Keras or the backend is not installed.
    RuntimeError
        If Keras already runs on another backend; it takes one for the life of a process.
    """
    with tempfile.TemporaryDirectory() as home:
        settings = {"KERAS_BACKEND": backend, "KERAS_HOME": home}
        with patch.dict(os.environ, settings):
            import keras
    if keras.backend.backend() != backend:
        raise RuntimeError(
            f"Keras runs on {keras.backend.backend()} in this kernel already; "
            f"restart the kernel to have it on {backend}"
        )
    return keras
