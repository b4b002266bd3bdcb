"""Check the size of modules and cells: a chapter that grows beyond these limits holds two ideas.

    python docs/form.py    # exit with status 1 and a list of what is too long

Modules have at most 300 lines, cells at most 80, unless they define a class, which stays in one cell.
"""

import ast
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULE_LINES, CELL_LINES = 300, 80


def long_modules():
    for path in sorted((ROOT / "lstm_pfd_h5").rglob("*.py")):
        count = len(path.read_text(encoding="utf-8").splitlines())
        if count > MODULE_LINES and path.name != "_modidx.py":
            yield f"{path.relative_to(ROOT)} has {count} lines, more than {MODULE_LINES}: split its chapter."


def defines_class(source):
    try:
        return any(isinstance(node, ast.ClassDef) for node in ast.parse(source).body)
    except SyntaxError:
        return False  # a magic or a shell command


def long_cells():
    for path in sorted((ROOT / "nbs").rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        for place, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
            source = "".join(cell["source"])
            count = len(source.splitlines())
            if cell["cell_type"] == "code" and count > CELL_LINES and not defines_class(source):
                yield f"{path.relative_to(ROOT)}, cell {place} has {count} lines, more than {CELL_LINES}: divide it."


if __name__ == "__main__":
    if problems := [*long_modules(), *long_cells()]:
        sys.exit("\n".join(problems))
    print(f"No module beyond {MODULE_LINES} lines, no cell beyond {CELL_LINES} but for classes.")
