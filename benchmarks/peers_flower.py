"""The workload in Flower's simulation; imported only where Flower is installed.

A module of its own, so that Ray's workers import it and are not sent its code with each message.
"""

import functools
import os
import tempfile
from importlib.metadata import version

import torch
from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation

from benchmarks.engine import PlainLoop, as_theta, workload

client = ClientApp()


@functools.cache
def participants():
    """The model and everybody's examples, made once a worker."""
    federation, theta, _ = workload()
    return PlainLoop(federation, theta, seed=os.getpid())


@client.train()
def train(message, context):
    loop = participants()
    x, y = loop.clients[context.node_config["partition-id"]]
    layers = loop.learn(message.content["arrays"].to_torch_state_dict(), x, y)
    metrics = MetricRecord({"num-examples": len(y)})
    content = RecordDict({"arrays": ArrayRecord(layers), "metrics": metrics})
    return Message(content=content, reply_to=message)


def all_answered(count, replies, _):
    """Flower goes on without participants that failed; this does not."""
    if len(replies) != count:
        raise RuntimeError(f"{len(replies)} of {count} participants answered")
    return MetricRecord({"replies": len(replies)})


def run(federation, theta, rounds, after):
    torch.set_num_threads(1)
    server, n = ServerApp(), federation.participants

    @server.main()
    def serve(grid, context):
        strategy = FedAvg(
            fraction_evaluate=0.0,
            min_train_nodes=n,
            min_available_nodes=n,
            train_metrics_aggr_fn=functools.partial(all_answered, n),
        )
        result = strategy.start(
            grid=grid,
            initial_arrays=ArrayRecord(PlainLoop(federation, theta).server),
            num_rounds=rounds,
            evaluate_fn=lambda done, arrays: after(
                done, lambda: as_theta(arrays.to_torch_state_dict().values())
            ),
        )
        if len(result.train_metrics_clientapp) != rounds:
            raise RuntimeError(f"{len(result.train_metrics_clientapp)} of {rounds} rounds trained")

    run_simulation(
        server_app=server,
        client_app=client,
        num_supernodes=n,
        backend_config={
            "init_args": {"_node_ip_address": "127.0.0.1", "_temp_dir": tempfile.gettempdir()},
            "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
        },
    )
    return f"flwr {version('flwr')}, ray {version('ray')}"
