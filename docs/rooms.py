"""The rooms of the package: its chapters in reading order, and the imports that lead from one room to another.

    python docs/rooms.py    # print them; exit with status 1 and name the import if one leads upwards or in a circle

A room is a folder `nbs/guide/NN_room` and the sub-package `room`. The numbers of folders and notebooks are the order;
there is no other list. A module may import from rooms above its own and from earlier chapters of its own room.
"""

import ast
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "lstm_pfd_h5"
GUIDE = ROOT / "nbs" / "guide"


@dataclass(frozen=True)
class Chapter:
    "A notebook and the module that it exports: `store.row_writer`, or `cache_manager` at the package's root."

    path: Path
    room: str
    module: str
    place: tuple

    @property
    def file(self):
        "The exported module."
        return ROOT / PACKAGE / f"{self.module.replace('.', '/')}.py"


def number_and_name(path):
    "`03_hdf5` → (3, 'hdf5')."
    match = re.fullmatch(r"(\d+)_(\w+)", path.stem)
    if not match:
        sys.exit(f"{path.relative_to(ROOT)} has no number. Call it NN_name: the number is its place.")
    return int(match[1]), match[2]


def exported_module(path):
    "The module after `#| default_exp`, or `None`."
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    found = re.search(
        r"^#\| default_exp (\S+)",
        "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"),
        re.M,
    )
    return found and found[1]


def chapters():
    "All chapters in reading order."
    found = []
    for folder in sorted(path for path in GUIDE.iterdir() if path.is_dir() and not path.name.startswith(".")):
        number, room = number_and_name(folder)
        for path in sorted(folder.glob("*.ipynb")):
            if path.stem != "index":
                found.append(Chapter(path, room, exported_module(path), (number, number_and_name(path)[0])))
    return found


_ROOT_MODULES = {"front_door": ["__init__"], "run_as_module": ["__main__"]}


def misplaced(all_chapters):
    "Chapters whose module does not follow from the folder and the name of the notebook, and two with one number."
    for chapter in all_chapters:
        name = number_and_name(chapter.path)[1]
        if chapter.module not in (name, f"{chapter.room}.{name}", *_ROOT_MODULES.get(name, [])):
            expected = f"{chapter.room}.{name}, or {name} at the root"
            yield f"{chapter.path.relative_to(ROOT)} exports {chapter.module}: expected {expected}."
    for place, count in Counter(chapter.place for chapter in all_chapters).items():
        if count > 1:
            yield f"{count} chapters have the number {place[1]:02d} in room {place[0]:02d}: renumber them."


def imported_modules(chapter, known):
    "Modules of the package that a module imports, at its top or within functions."
    parent = chapter.module.split(".")[:-1] if chapter.module != "__init__" else []
    for node in ast.walk(ast.parse(chapter.file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name.removeprefix(f"{PACKAGE}.") for alias in node.names if alias.name.startswith(PACKAGE)]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = parent[: len(parent) - node.level + 1] + (node.module or "").split(".")
            elif (node.module or "").split(".")[0] == PACKAGE:
                base = node.module.split(".")[1:]
            else:
                continue
            base = ".".join(part for part in base if part)
            names = [
                name for alias in node.names for name in [".".join(filter(None, [base, alias.name]))] if name in known
            ] or [base or "__init__"]
        else:
            continue
        yield from (name for name in names if name in known)


def imports(all_chapters):
    "Pairs (importing chapter, imported chapter), each once."
    known = {chapter.module: chapter for chapter in all_chapters}
    return [
        (chapter, known[name])
        for chapter in all_chapters
        for name in dict.fromkeys(imported_modules(chapter, known))
        if name != chapter.module
    ]


def wrong_way(pairs):
    "Imports that do not lead to an earlier chapter. Where there are none, there is no circle."
    for source, target in pairs:
        if target.place >= source.place:
            yield (
                f"{source.module} ({source.path.relative_to(GUIDE)}) imports "
                f"{target.module} ({target.path.relative_to(GUIDE)}), "
                "which comes later. Move what it needs to an earlier chapter."
            )


def main():
    found = chapters()
    pairs = imports(found)
    for room in dict.fromkeys(chapter.room for chapter in found):
        print(
            f"{room:14}",
            ", ".join(
                chapter.module.split(".")[-1] + "*" * ("." not in chapter.module)
                for chapter in found
                if chapter.room == room
            ),
        )
    print("\n* at the root of the package\n")
    arrows = Counter((source.room, target.room) for source, target in pairs if source.room != target.room)
    for room in dict.fromkeys(source for source, _ in arrows):
        print(
            f"{room:14} → "
            + ", ".join(f"{target} {count}" for (source, target), count in arrows.items() if source == room)
        )
    problems = [*misplaced(found), *wrong_way(pairs)]
    if problems:
        sys.exit("\n".join(["", *problems]))
    print(
        f"\n{len(found)} chapters in {len({chapter.room for chapter in found})} rooms, "
        f"{len(pairs)} imports, all of earlier chapters."
    )


if __name__ == "__main__":
    main()
