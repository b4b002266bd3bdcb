"""The pages of the site and their order, which follow from the folders of nbs/ alone.

    python docs/site_map.py            # print them
    python docs/site_map.py --quarto   # write nbs/sidebar.yml, which `nbdev_docs` needs and git ignores

The place of a chapter of the library (`nbs/guide/NN_room/MM_name.ipynb`) is its number. Every other page states its
place in its first cell, in a line `- order: 3`. Addresses on the site have no numbers: `guide/core/errors.html` remains
valid when a room is renumbered.
"""

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

from rooms import ROOT, chapters

NOTEBOOKS = ROOT / "nbs"
FRONT, BACK = ["index.ipynb", "hdf5_guide.ipynb"], ["glossary.ipynb"]
SECTIONS = {
    "tutorials": ("Tutorials", "Lessons from beginning to end, to be followed step by step."),
    "how_to": ("How-to guides", "Answers to single questions, each with code that runs."),
    "data_sets": ("Public data sets", "What is known of each data set, the command that imports it, and its report."),
    "guide": ("The library", ""),
    "benchmarks": (
        "Benchmarks",
        "How fast the library is: the method, the machine and the limits of each measurement.",
    ),
    "reproduce": ("Reproductions", "Published findings, tried on made-up data."),
    "reliability": ("Reliability", "What the library promises, and the test that shows it."),
}
FRONT_MATTER = re.compile(r"^- ([\w-]+): *(.+)$", re.M)


@dataclass(frozen=True)
class Section:
    "A folder. `index` is the notebook that introduces it, or `None`; `pages` are notebooks under `nbs/`, or sections."

    folder: Path
    title: str
    summary: str
    index: Path | None
    pages: tuple

    @property
    def name(self):
        "Of the folder, without its number."
        return site_path(self.folder).name


def site_path(path):
    "`guide/01_core/02_constants.ipynb` → `guide/core/constants.ipynb`."
    return PurePosixPath(*(re.sub(r"^\d+_", "", part) for part in Path(path).parts))


def first_cell(path):
    return "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])


def front_matter(source):
    "The `- key: value` lines that end a notebook's first cell, as nbdev reads them."
    return yaml.safe_load("\n".join(f"{key}: {value}" for key, value in FRONT_MATTER.findall(source))) or {}


def without_front_matter(source):
    return FRONT_MATTER.sub("", source).rstrip() + "\n"


def ordered(folder):
    "The notebooks of a folder by their field `order`."
    places = {path: front_matter(first_cell(path)).get("order") for path in folder.glob("*.ipynb")}
    for path, place in places.items():
        if not isinstance(place, int):
            sys.exit(f"{path.relative_to(ROOT)} has no place on the site. Add a line `- order: 3` to its first cell.")
    return tuple(path.relative_to(NOTEBOOKS) for path in sorted(places, key=lambda path: (places[path], path.name)))


def library():
    "The section of the library: one section for each room."
    by_folder = {}
    for chapter in chapters():
        by_folder.setdefault(chapter.path.parent, []).append(chapter.path.relative_to(NOTEBOOKS))
    rooms = []
    for folder, pages in by_folder.items():
        index = (folder / "index.ipynb").relative_to(NOTEBOOKS)
        if not (NOTEBOOKS / index).exists():
            sys.exit(f"nbs/{index} is missing: write the room's title, a quoted line and its idea.")
        title = first_cell(NOTEBOOKS / index).splitlines()[0].removeprefix("# ")
        rooms.append(Section(folder.relative_to(NOTEBOOKS), title, "", index, tuple(pages)))
    return Section(Path("guide"), *SECTIONS["guide"], Path("guide/index.ipynb"), tuple(rooms))


def sections():
    "The sections of the site, in order."
    known = {Path(name) for name in FRONT + BACK}
    if unknown := {path.relative_to(NOTEBOOKS) for path in NOTEBOOKS.glob("*.ipynb")} - known:
        sys.exit(
            f"nbs/{min(unknown)} has no place on the site. "
            "Move it to a folder, or name it in FRONT or BACK of docs/site_map.py."
        )
    return [library() if name == "guide" else section(name) for name in SECTIONS]


def section(name):
    "A section whose pages are the notebooks of one folder; its own page is the notebook `index`, if there is one."
    pages, index = ordered(NOTEBOOKS / name), Path(name) / "index.ipynb"
    own = index if index in pages else None
    return Section(Path(name), *SECTIONS[name], own, tuple(page for page in pages if page != own))


def notebooks(item):
    "All notebooks of a section, its own page first."
    if isinstance(item, Path):
        return [item]
    return [item.index] * bool(item.index) + [path for page in item.pages for path in notebooks(page)]


def all_notebooks():
    "Every page that is made from a notebook, in the order of the site."
    return [*map(Path, FRONT), *(path for section in sections() for path in notebooks(section)), *map(Path, BACK)]


def quarto(item):
    "A page or a section in the words of Quarto's sidebar."
    if isinstance(item, Path):
        return item.as_posix()
    heading = {"section": item.title} | ({"href": item.index.as_posix()} if item.index else {})
    return heading | {"contents": [quarto(page) for page in item.pages]}


def write_quarto():
    contents = [*FRONT, *map(quarto, sections()), *BACK]
    text = yaml.safe_dump({"website": {"sidebar": {"contents": contents}}}, sort_keys=False, allow_unicode=True)
    (NOTEBOOKS / "sidebar.yml").write_text("# Made by `python docs/site_map.py --quarto`.\n" + text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="The pages of the site, in order.")
    parser.add_argument("--quarto", action="store_true", help="write nbs/sidebar.yml for nbdev_docs")
    if parser.parse_args().quarto:
        return write_quarto()
    for path in all_notebooks():
        print(f"{site_path(path).with_suffix('.html')!s:60} nbs/{path}")


if __name__ == "__main__":
    main()
