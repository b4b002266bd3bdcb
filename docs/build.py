"""Build the site from the notebooks: the folder `_docs`, which any web server (or the browser alone) can show.

    python docs/build.py            # build and check it
    python docs/build.py --serve    # and show it at http://127.0.0.1:8000
"""

import argparse
import shutil
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path

from sphinx.cmd.build import main as sphinx_build

from check_site import problems_in
from conf import ROOT, settings
from drawing import Entry, drawing
from pages import links_in, make_page, read_page
from reference import command_line, front_door, module_page, module_table
from rooms import chapters, imports
from site_map import BACK, FRONT, NOTEBOOKS, all_notebooks, sections

WORK, SITE = ROOT / "build" / "site", ROOT / settings["doc_path"]
PAGES = WORK / "pages"
PACKAGE, REPOSITORY = settings["lib_name"], f"{settings['git_url']}/blob/{settings['branch']}"
TEXTS = ["CONTRIBUTING.md", "CHANGELOG.md"]


def write(path, text):
    (PAGES / path).parent.mkdir(parents=True, exist_ok=True)
    (PAGES / path).write_text(text, encoding="utf-8")


def toctree(entries, caption=""):
    "A hidden table of contents: it makes the sidebar. Entries are names of pages without their endings."
    options = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["```{toctree}", *options, "", *entries, "```", ""])


def document(path):
    "The name by which Sphinx knows a page."
    return path.with_suffix("").as_posix()


class Site:
    "All pages of one build, by notebook, and what the chapters of the library import."

    def __init__(self):
        self.pages = {path: read_page(NOTEBOOKS, path) for path in all_notebooks()}
        self.chapters = chapters()
        self.imports = [(source.path, target.path) for source, target in imports(self.chapters)]
        self.sections = sections()
        self.library = next(section for section in self.sections if section.index)

    def page(self, path):
        "The page of a notebook with an absolute or a relative path."
        return self.pages[path.relative_to(NOTEBOOKS) if path.is_absolute() else path]

    def write(self):
        "Write everything that Sphinx reads."
        for section in self.sections:
            if section is not self.library: self.write_section(section)
        self.write_reference()
        entries = [document(self.page(Path(name)).site) for name in FRONT[1:]]
        entries += [f"{section.folder}/index" for section in self.sections] + ["api/index", "api/command_line"]
        about = [*(document(self.page(Path(name)).site) for name in BACK), *(Path(name).stem.lower() for name in TEXTS)]
        contents = toctree(entries) + toctree(about, "The project")
        endings = {Path(FRONT[0]): contents, **self.drawings()}
        for path, page in self.pages.items():
            write(page.site, make_page(page, NOTEBOOKS, PACKAGE, REPOSITORY, endings.get(path, "")))
        for name in TEXTS: self.write_text(name)

    def write_text(self, name):
        "A text of the repository, with links that lead to pages of the site."
        text = (ROOT / name).read_text(encoding="utf-8")
        write(name.lower(), links_in(text, Path(name), NOTEBOOKS, REPOSITORY))

    def write_section(self, section):
        "The page of one section: what each of its notebooks is for."
        pages = [self.page(path) for path in section.pages]
        lines = [f"# {section.title}", "", section.summary, ""]
        lines += [f"- [{page.title}]({page.site.name}): {page.summary}" for page in pages]
        write(f"{section.folder}/index.md", "\n".join([*lines, "", toctree([page.site.name for page in pages])]))

    def drawings(self):
        "What ends the page of the library and of each room: a drawing of what builds on what, and the table of contents."
        rooms = self.library.pages
        found = {self.library.index: self.draw_rooms() + toctree([f"{room.name}/index" for room in rooms])}
        for room in rooms:
            contents = toctree([self.page(path).site.stem for path in room.pages])
            found[room.index] = "\n\n".join([self.neighbours(room), self.draw_chapters(room), contents])
        return found

    def room_arrows(self):
        "Pairs of rooms' names, of which the first imports from the second."
        by_path = {chapter.path: chapter.room for chapter in self.chapters}
        pairs = [(by_path[source], by_path[target]) for source, target in self.imports]
        return {pair for pair in pairs if pair[0] != pair[1]}

    def draw_rooms(self):
        names, arrows = [room.name for room in self.library.pages], self.room_arrows()
        entries = [Entry(f"{room.name}/index.html", self.page(room.index).title, self.page(room.index).summary,
                         tuple(place for place, other in enumerate(names) if (room.name, other) in arrows)) for room in self.library.pages]
        return "## The rooms\n\nEach room uses only rooms above it; an arc joins a room to those that it uses.\n\n" + drawing(entries) + "\n\n"

    def draw_chapters(self, room):
        "The chapters of a room and the imports among them."
        places = {NOTEBOOKS / path: place for place, path in enumerate(room.pages)}
        used = [tuple(places[target] for source, target in self.imports if source == path and target in places) for path in places]
        pages = [self.page(path) for path in room.pages]
        entries = [Entry(page.site.with_suffix(".html").name, page.title, page.summary, uses) for page, uses in zip(pages, used)]
        return ("## The chapters\n\nIn reading order. A chapter uses only earlier ones; an arc joins it to those of this room.\n\n" + drawing(entries))

    def neighbours(self, room):
        "The lines that say which rooms a room builds on and which build on it."
        arrows, titles = self.room_arrows(), {other.name: self.page(other.index).title for other in self.library.pages}
        link = lambda name: f"[{titles[name]}](../{name}/index.ipynb)"
        below = [link(name) for name in titles if (room.name, name) in arrows]
        above = [link(name) for name in titles if (name, room.name) in arrows]
        lines = [f"**Builds on** {', '.join(below) or 'no other room'}.", f"**Used by** {', '.join(above) or 'no other room'}."]
        return "\\\n".join(lines)

    def write_reference(self):
        "The API reference: the names of the front door, a page for each room and for each module, and the command line."
        modules = {chapter.path: self.page(chapter.path) for chapter in self.chapters if chapter.module != "__init__"}
        lines = [f"# API reference", "", "Most programs need these names only. They can be imported from the package itself, "
                 f"`from {PACKAGE} import migrate`, and are loaded when they are first used.", "", front_door(PACKAGE, self.chapters), "",
                 "## All modules, by room", ""]
        for room in self.library.pages:
            pages = [modules[NOTEBOOKS / path] for path in room.pages if NOTEBOOKS / path in modules]
            title, table = self.page(room.index).title, module_table(pages)
            lines += [f"### {title}", "", table, ""]
            for page in pages: write(f"api/{page.module}.md", module_page(page, PACKAGE, f"../{page.site}"))
            intro = f"The modules of the room [{title}](../guide/{room.name}/index.ipynb)."
            write(f"api/{room.name}.md", "\n".join([f"# {title}: modules", "", intro, "", table, "", toctree([page.module for page in pages])]))
        write("api/index.md", "\n".join([*lines, toctree([room.name for room in self.library.pages])]))
        write("api/command_line.md", command_line(import_module(f"{PACKAGE}.cli").app, PACKAGE))


def copy_files():
    "Pictures to where the pages look for them, and the notebooks themselves, to be downloaded."
    for path in [*NOTEBOOKS.rglob("*.svg"), *NOTEBOOKS.rglob("*.png")]: copy(path, PAGES)
    for path in all_notebooks(): copy(NOTEBOOKS / path, PAGES / "_extra" / "notebooks")


def copy(path, folder):
    target = folder / path.relative_to(NOTEBOOKS)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)


def build():
    "Make the site. Returns a list of its problems, in words."
    shutil.rmtree(PAGES, ignore_errors=True)
    site = Site()
    site.write()
    copy_files()
    made = WORK / "html"
    shutil.rmtree(made, ignore_errors=True)
    places = ["-d", str(WORK / "doctrees"), "-c", str(ROOT / "docs"), str(PAGES), str(made)]
    failed = sphinx_build(["-b", "html", "-W", "--keep-going", "-q", *places])
    shutil.rmtree(SITE, ignore_errors=True)
    if made.exists(): made.rename(SITE)
    problems = [problem for page in site.pages.values() for problem in page.problems]
    return problems + ["Sphinx warned: see above"] * bool(failed) + problems_in(SITE)


def serve(port):
    handler = partial(SimpleHTTPRequestHandler, directory=SITE)
    print(f"http://127.0.0.1:{port} shows the site; Ctrl+C ends it.")
    ThreadingHTTPServer(("127.0.0.1", port), handler).serve_forever()


def main():
    parser = argparse.ArgumentParser(description="Build the site from the notebooks, and check it.")
    parser.add_argument("--serve", action="store_true", help="show it in a browser afterwards")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    if problems := build(): sys.exit("\n".join([*problems, f"The site has {len(problems)} problems: fix them and build it again."]))
    print(f"{len(list(SITE.rglob('*.html')))} pages in {SITE.relative_to(ROOT)}, no problem found.")
    if given.serve: serve(given.port)


if __name__ == "__main__":
    main()
