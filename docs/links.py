"""Check the links between notebooks, and repair those that a renumbered chapter left behind.

    python docs/links.py         # exit with status 1 and a list of links that lead nowhere
    python docs/links.py --fix   # let each lead to the notebook of the same name with another number

The build of the site checks all links, and those to headings; this takes a second.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from pages import LINK
from site_map import NOTEBOOKS, ROOT, site_path


def all_notebooks():
    return [path for path in sorted(NOTEBOOKS.rglob("*.ipynb")) if ".ipynb_checkpoints" not in path.parts]


def markdown(path):
    "The Markdown cells of a notebook as one text."
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def broken(path):
    "The targets of links in a notebook that are neither files nor folders, seen from the notebook or the repository."
    for _, link in LINK.findall(markdown(path)):
        target = link.partition("#")[0]
        if target.endswith(".ipynb") and ":" not in target:
            if not (path.parent / target).exists() and not (ROOT / target).exists():
                yield target


def replacement(path, target, places):
    "The link to the notebook that has the same place on the site without numbers, or `None`."
    wanted = Path(os.path.normpath(path.parent / target))
    if not wanted.is_relative_to(NOTEBOOKS):
        return None
    found = places.get(site_path(wanted.relative_to(NOTEBOOKS)))
    return found and Path(os.path.relpath(found, path.parent)).as_posix()


def main():
    parser = argparse.ArgumentParser(description="Check the links between notebooks.")
    parser.add_argument("--fix", action="store_true", help="repair links to notebooks that were renumbered")
    fix, paths, left = parser.parse_args().fix, all_notebooks(), []
    places = {site_path(path.relative_to(NOTEBOOKS)): path for path in paths}
    for path in paths:
        for target in dict.fromkeys(broken(path)):
            new = replacement(path, target, places)
            if fix and new:
                path.write_text(path.read_text(encoding="utf-8").replace(f"({target}", f"({new}"), encoding="utf-8")
                print(f"{path.relative_to(ROOT)}: {target} → {new}")
            else:
                left.append(f"{path.relative_to(ROOT)}: {target}" + f" is now {new}" * bool(new))
    if left:
        sys.exit("\n".join(["Links to notebooks that do not exist:", *left]))
    print(f"The links of {len(paths)} notebooks lead to notebooks that exist.")


if __name__ == "__main__":
    main()
