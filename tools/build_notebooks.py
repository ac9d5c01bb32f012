"""Write and run notebooks/labs/<name>.ipynb, a page a lab, with its picture stored as output.

Run it with `make lab-notebooks` after adding a lab or changing what one opens on.
"""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

from fedlearn_edu.course.reading import APP
from fedlearn_edu.labs import NAMES, load, notebook

FOLDER = Path(__file__).resolve().parents[1] / "notebooks" / "labs"
TRANSIENT = ("widgets", "papermill")


def page(name):
    """Return a lab's notebook: its name and summary in both languages, then the lab."""
    lab = load(name)
    words = "\n\n".join(
        [
            f"# {lab.title('en')} · {lab.title('zh')}",
            lab.summary("en"),
            lab.summary("zh"),
            f'For Chinese: `show("{name}", lang="zh")`.',
            f"In the app, after `make app`: <{APP}/labs/{name}>",
            f"在应用里打开（先运行 `make app`）：<{APP}/labs/{name}?lang=zh>",
        ]
    )
    made = nbformat.from_dict(notebook(name))
    made.cells.insert(0, nbformat.v4.new_markdown_cell(words, id=f"about-{name}".replace("_", "-")))
    return made


def run(made):
    """Run a notebook and leave only what a reader needs in it."""
    NotebookClient(made, timeout=60, record_timing=False, store_widget_state=False).execute()
    for key in TRANSIENT:
        made.metadata.pop(key, None)
    made.metadata["language_info"] = {"name": "python"}
    return made


def main():
    """Write every lab's notebook."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        path = FOLDER / f"{name}.ipynb"
        nbformat.write(run(page(name)), path)
        print(f"{path.relative_to(FOLDER.parents[1])}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
