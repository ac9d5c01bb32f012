"""The command line: ``fedlearn-edu app`` opens the labs, ``federation`` starts processes."""

import argparse
import importlib.util
import sys

from fedlearn_edu import __version__
from fedlearn_edu.flower import command as federation
from fedlearn_edu.paths import SOURCE
from fedlearn_edu.serve import Options, Refused, run
from fedlearn_edu.serve.options import normal_base_url

NEEDED = ("voila", "anywidget", "numpy")


def port(text):
    """Return a port number; for argparse."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (1 to 65535, 0 for any free one)")
    return int(text)


def count(text):
    """Return a number that is not negative; for argparse."""
    if not text.isdecimal() or int(text) > 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 10000")
    return int(text)


def host_name(text):
    """Return a name for ``--allow-host``; for argparse."""
    if not text or any(character in text for character in "/: "):
        raise argparse.ArgumentTypeError(f"{text!r} is not a host name such as labs.example.org")
    return text


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message):
        """Say what is wrong and leave."""
        self.exit(
            2, f"{self.prog}: {message[:1].upper()}{message[1:]}. (--help lists the options)\n"
        )


def make_parser():
    """Return the parser of the whole command line."""
    parser = Parser(prog="fedlearn-edu", description="Learn federated learning by touching it.")
    parser.add_argument("--version", action="version", version=f"fedlearn_edu {__version__}")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=Parser
    )
    app = commands.add_parser("app", help="serve the labs and open them in a browser")
    add = app.add_argument
    default = Options()
    add("--host", default=default.host, metavar="ADDRESS",
        help="address to listen on (%(default)s; 0.0.0.0 lets a classroom in)")  # fmt: skip
    add("--port", default=default.port, type=port, metavar="N",
        help="port to listen on (%(default)s; 0 takes a free one)")  # fmt: skip
    add("--max-learners", default=0, type=count, metavar="N",
        help="pages open at the same time; others wait (0, the default: any)")  # fmt: skip
    add("--pool", default=default.pool, type=count, metavar="N",
        help="kernels kept warm for each lab (%(default)s)")  # fmt: skip
    add("--grace", default=default.grace, type=count, metavar="SECONDS",
        help="how long a page that went away keeps its seat (%(default)s)")  # fmt: skip
    add("--base-url", default="/", metavar="PATH",
        help="path in front of every address, behind a proxy (%(default)s)")  # fmt: skip
    add("--allow-host", action="append", default=[], type=host_name, metavar="NAME",
        help="name under which a proxy passes requests on, * for any; may be repeated")  # fmt: skip
    add("--no-browser", action="store_true", help="do not open a browser")
    add("--verbose", action="store_true", help="log every request")
    federation.add_options(
        commands.add_parser("federation", help="train on processes of their own, with Flower")
    )
    return parser


def options_from(arguments):
    """Return `Options` from what argparse found."""
    return Options(
        host=arguments.host,
        port=arguments.port,
        base_url=normal_base_url(arguments.base_url),
        max_learners=arguments.max_learners,
        pool=arguments.pool,
        grace=arguments.grace,
        browser=not arguments.no_browser,
        verbose=arguments.verbose,
        allow_hosts=tuple(arguments.allow_host),
    )


def check_installed():
    """Raise `Refused` if something that the app needs is not installed."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        versions = SOURCE / "requirements.txt"
        what = f"-r '{versions}'" if versions.is_file() else "'fedlearn-edu[app]'"
        raise Refused(
            f"The app needs {' and '.join(missing)}, which this Python does not have. "
            f"Install it with: {sys.executable} -m pip install {what}"
        )


def main(argv=None):
    """Run the command line; return the exit code."""
    arguments = make_parser().parse_args(argv)
    if arguments.command == "federation":
        return federation.run(arguments)
    try:
        check_installed()
        run(options_from(arguments))
    except Refused as refusal:
        print(f"fedlearn-edu: {refusal}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
