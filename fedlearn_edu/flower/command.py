"""``fedlearn-edu federation``: a federation on this machine, or a participant of one elsewhere."""

import argparse
import contextlib
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

from ..i18n import LANGUAGES, Translator
from ..strings.federation import STRINGS

GONE_SECONDS = 10  # without a server, after which one that has joined ends
FAULTS = ("nan", "shape", "examples", "name", "slow")
DATA = ("digits", "article", "breast-cancer")
ALGORITHMS = ("FedAvg", "FedSGD", "FedProx", "FedNova", "FedAdam", "FedYogi")


def whole(least, most):
    """Return a type for argparse: a whole number from `least` to `most`."""

    def read(text):
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a whole number from {least} to {most}"
            )
        return int(text)

    return read


def seconds(text):
    """Return a number of seconds; for argparse."""
    with contextlib.suppress(ValueError):
        if 0 < float(text) < 1e6:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")


def fault(text):
    """Return a participant and what it does wrong; for argparse."""
    i, _, kind = text.partition("=")
    if not i.isdecimal() or not set(kind.split("+")) <= set(FAULTS):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not like 1=nan or 1=nan+shape ({', '.join(FAULTS)})"
        )
    return int(i), kind


def address(text):
    """Return a host and port; for argparse."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 192.0.2.7:8000")
    return text


def system_language():
    """Return the language of this machine, "zh" or "en"."""
    words = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "zh" if words.startswith("zh") else "en"


def add_options(parser):
    """Give a parser the options of ``fedlearn-edu federation``."""
    add = parser.add_argument
    add("--participants", type=whole(2, 100), metavar="N",
        help="processes that hold data and train (3; the article's example has 2)")  # fmt: skip
    add("--rounds", type=whole(1, 10_000), default=10, metavar="N", help="rounds (%(default)s)")
    add("--data", choices=DATA, default="digits", help="what they hold (%(default)s)")
    add("--algorithm", choices=ALGORITHMS, help="how they train (FedAvg)")
    add("--seed", type=whole(0, 2**31), default=0, metavar="N", help="seed (%(default)s)")
    add("--cast", default="", metavar="TYPE",
        help="type in which updates travel: float16, int8:max, …")  # fmt: skip
    add("--deadline", type=seconds, default=60.0, metavar="SECONDS",
        help="how long a round waits for answers (%(default)s)")  # fmt: skip
    add("--secure", action="store_true",
        help="TLS, and only participants whose keys the server knows")  # fmt: skip
    add("--fault", type=fault, action="append", default=[], metavar="I=KIND",
        help=f"participant I answers nonsense: {', '.join(FAULTS)}; may be repeated")  # fmt: skip
    add("--port", type=whole(0, 65535), default=0, metavar="N",
        help="the server's port (%(default)s: any free one)")  # fmt: skip
    add("--host", metavar="ADDRESS", help="address on which other machines reach the server")
    add("--remote", type=whole(0, 100), default=0, metavar="K",
        help="the last K participants join from other machines")  # fmt: skip
    add("--join", type=address, metavar="HOST:PORT", help="be a participant of that server")
    add("--participant", type=whole(0, 99), metavar="I", help="which one, with --join")
    add("--credentials", type=Path, metavar="FOLDER",
        help="with --join: the folder with ca.crt and participant.key")  # fmt: skip
    add("--report", type=Path, default=Path("federation-report"), metavar="FOLDER",
        help="where the report is written (%(default)s)")  # fmt: skip
    add("--lang", choices=LANGUAGES, default=system_language(), help="language (%(default)s)")


def recipe_from(arguments):
    """Return the `Recipe` that the options stand for."""
    from .recipe import Recipe

    common = {"rounds": arguments.rounds, "seed": arguments.seed, "up": arguments.cast,
              "deadline": arguments.deadline}  # fmt: skip
    if arguments.algorithm:
        common["algorithm"] = arguments.algorithm
    if arguments.algorithm == "FedSGD":
        common |= {"batch": 0, "alpha": 0.5}
    if arguments.algorithm == "FedProx":
        common["mu"] = 0.1
    if arguments.data == "article":
        return Recipe.article(participants=arguments.participants or 2, **common)
    n = arguments.participants or 3
    if arguments.remote:
        common["patience"] = 24 * 3600.0
    return Recipe(data=arguments.data, participants=n, **common)


def check(arguments, recipe):
    """Refuse options that do not go together."""
    n = recipe.participants
    if arguments.remote > n:
        raise ValueError(f"--remote is {arguments.remote}, there are {n} participants")
    if arguments.remote and not arguments.host:
        raise ValueError("--remote needs --host, the address on which they reach the server")
    for i, _ in arguments.fault:
        if i >= n - arguments.remote:
            raise ValueError(f"--fault names participant {i}, which is not started here")


def stop_on_signals():
    """Let SIGTERM and a closed terminal end the program as Ctrl-C does: everything is stopped."""

    def leave(number, _):
        raise SystemExit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), leave)


def run(arguments):
    """Run the command; return the exit code."""
    t = Translator(arguments.lang, STRINGS)
    try:
        from .parts import Stopped
    except ImportError:  # psutil, which comes with the app and with Flower
        return _refuse(t("no_flower"))
    stop_on_signals()
    try:
        if arguments.join:
            return join(arguments, t)
        recipe = recipe_from(arguments)
        check(arguments, recipe)
        return federate(recipe, arguments, t)
    except ValueError as error:
        return _refuse(str(error), 2)
    except Stopped as stop:
        return _refuse(t(stop.key, **stop.values))
    except KeyboardInterrupt:
        return 130


def _refuse(sentence, status=1):
    print(f"fedlearn-edu: {sentence}", file=sys.stderr)
    return status


def federate(recipe, arguments, t):
    """Start a federation, show each round, write the report; return the exit code."""
    from .deployment import Deployment
    from .parts import flower_python

    n = recipe.participants
    remote = range(n - arguments.remote, n)
    federation = Deployment(
        recipe, secure=arguments.secure, host=arguments.host, port=arguments.port,
        remote=remote, faults=dict(arguments.fault),
    )  # fmt: skip
    begun, end, told = time.monotonic(), "interrupted", 0
    flower_python()
    say(t("starting", n=n - len(remote)))
    try:
        with federation:
            say(t("started", address=federation.address, parts=len(federation.processes())))
            _invite(federation, remote, arguments.report, t)
            for r in federation:
                for key, values in federation.notes[told:]:
                    say("  " + t(key, **values))
                told = len(federation.notes)
                say(line_of(r, recipe, t))
        end = "done"
    except Exception as error:
        end = str(error)
        raise
    finally:
        if federation.parts:
            write(federation, time.monotonic() - begun, end, arguments.report, t)
    return 0


def line_of(r, recipe, t):
    """Return the line of a round."""
    from .report import line

    return line(r, recipe, t)


def _invite(federation, remote, folder, t):
    """Tell how the others join, and write what they need for it."""
    for i in remote:
        command = f"fedlearn-edu federation --join {federation.host}:{federation.port}"
        command += f" --participant {i}"
        if federation.secure:
            place = folder / f"participant-{i}"
            federation.credentials(i, place)
            command += f" --credentials {place.name}"
            say(t("carry", folder=place))
        say(t("invite", i=i, command=command))


def write(federation, taken, end, folder, t):
    """Write report.json and report.txt, and θ; show the last lines."""
    import numpy as np

    from . import report

    found = report.as_dict(federation, taken, end)
    lines = [report.line(r, federation.recipe, t) for r in federation.rounds]
    lines += [t(key, **values) for key, values in federation.notes]
    closing = report.summary(found, t)
    folder.mkdir(parents=True, exist_ok=True)
    words = json.dumps(found, ensure_ascii=False, indent=1)
    (folder / "report.json").write_text(words + "\n", encoding="utf-8")
    (folder / "report.txt").write_text("\n".join(lines + closing) + "\n", encoding="utf-8")
    if federation.theta:
        np.savez(folder / "theta.npz", *federation.theta)
    for text in closing:
        say(text)
    say(t("written", folder=folder))


def join(arguments, t):
    """Be a participant of a federation elsewhere until its server ends; return the exit code."""
    from .deployment import supernode
    from .parts import Parts, Stopped

    if arguments.participant is None:
        raise ValueError("--join needs --participant, which of them this is")
    trust, key = ["--insecure"], None
    if arguments.credentials:
        place = arguments.credentials.resolve()
        trust, key = ["--root-certificates", str(place / "ca.crt")], str(place / "participant.key")
        if not Path(key).is_file() or not (place / "ca.crt").is_file():
            raise ValueError(f"{place} does not hold ca.crt and participant.key")
    node = [f"partition-id={arguments.participant}"]
    with Parts() as parts:
        command = supernode(arguments.join, node, trust, key)
        part = parts.launch("participant", *command)
        say(t("joined", i=arguments.participant, address=arguments.join))
        seen = time.monotonic()
        while part.alive and time.monotonic() - seen < GONE_SECONDS:
            time.sleep(1)
            if answers(arguments.join):
                seen = time.monotonic()
        connected, words = "SuperNode ID" in part.log.read_text(), part.last_words()
    if not connected:
        raise Stopped("not_joined", address=arguments.join, words=words)
    say(t("left", words=words))
    return 0


def answers(server):
    """Return whether anybody listens there; a SuperNode does not end when its server is gone."""
    host, _, port = server.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except OSError:
        return False
    return True


def say(text):
    """Print a line at once, also into a pipe."""
    print(text, flush=True)
