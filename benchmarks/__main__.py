"""Run every benchmark, or those named: ``python -m benchmarks labs server``."""

import importlib
import sys

PARTS = ("importing", "engine", "peers", "federation", "labs", "server")


def main(names):
    for name in names or PARTS:
        if name not in PARTS:
            sys.exit(f"no benchmark {name!r}; there are {', '.join(PARTS)}")
        print(f"\n## {name}\n", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()


main(sys.argv[1:])
