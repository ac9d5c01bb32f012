"""How much longer `import fedlearn_edu` takes than `import numpy`, in CPU time."""

import statistics
import subprocess
import sys

CODE = "import time; t = time.process_time(); import {}; print(time.process_time() - t)"


def cpu_seconds(module):
    """Return the CPU seconds of one import in a fresh process."""
    return float(subprocess.check_output([sys.executable, "-c", CODE.format(module)]))


def main(repeats=15):
    """Print the medians, measured in turns, and their ratio."""
    pairs = [(cpu_seconds("numpy"), cpu_seconds("fedlearn_edu")) for _ in range(repeats)]
    numpy, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"import numpy         {1e3 * numpy:6.0f} ms CPU")
    print(f"import fedlearn_edu  {1e3 * ours:6.0f} ms CPU   ratio {ours / numpy:.2f}")


if __name__ == "__main__":
    main()
