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
from library import Library
from pages import links_in, make_page, read_page
from reference import command_line, front_door, module_page, module_table
from site_map import BACK, FRONT, NOTEBOOKS, all_notebooks, sections

WORK, SITE = ROOT / "build" / "site", ROOT / settings["doc_path"]
PAGES = WORK / "pages"
PACKAGE, REPOSITORY = settings["lib_name"], f"{settings['git_url']}/blob/{settings['branch']}"
TEXTS = ["CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]


def write(path, text):
    (PAGES / path).parent.mkdir(parents=True, exist_ok=True)
    (PAGES / path).write_text(text, encoding="utf-8")


def toctree(entries, caption=""):
    "A hidden table of contents, which the sidebar shows. Entries are names of pages, or `Title <name>`."
    options = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["```{toctree}", *options, "", *entries, "```", ""])


def document(path):
    "The name by which Sphinx knows a page."
    return path.with_suffix("").as_posix()


class Site:
    "All pages of one build."

    def __init__(self):
        self.pages = {path: read_page(NOTEBOOKS, path) for path in all_notebooks()}
        self.sections = sections()
        self.library = Library(next(each for each in self.sections if each.folder == Path("guide")), self.pages)

    def write(self):
        "Write everything that Sphinx reads."
        for section in self.sections:
            if not section.index:
                self.write_section(section)
        self.write_reference()
        endings = {Path(FRONT[0]): self.contents(), **self.section_endings(), **self.library_endings()}
        for path, page in self.pages.items():
            write(page.site, make_page(page, NOTEBOOKS, PACKAGE, REPOSITORY, endings.get(path, "")))
        for name in TEXTS:
            self.write_text(name)

    def contents(self):
        "The table of contents of the site, which ends the home page."
        front, back = ([document(self.pages[Path(name)].site) for name in names] for names in (FRONT[1:], BACK))
        parts = [*front, *(f"{section.folder}/index" for section in self.sections), "api/index", "api/command_line"]
        return toctree(parts) + toctree([*back, *(Path(name).stem.lower() for name in TEXTS)], "The project")

    def section_endings(self):
        "What ends the page that a section has of its own: the table of contents."
        return {
            section.index: toctree([self.pages[path].site.stem for path in section.pages])
            for section in self.sections
            if section.index and section.index != self.library.index
        }

    def library_endings(self):
        "What ends the page of the library and of each room: a drawing, and the table of contents."
        library = self.library
        found = {library.index: library.draw_rooms() + toctree([f"{room.name}/index" for room in library.rooms])}
        for room in library.rooms:
            contents = toctree([self.pages[path].site.stem for path in room.pages])
            found[room.index] = library.neighbours(room) + library.draw_chapters(room) + contents
        return found

    def write_text(self, name):
        "A text of the repository, with links that lead to pages of the site."
        text = (ROOT / name).read_text(encoding="utf-8")
        write(name.lower(), links_in(text, Path(name), NOTEBOOKS, REPOSITORY))

    def write_section(self, section):
        "The page of one section: what each of its notebooks is for."
        pages = [self.pages[path] for path in section.pages]
        lines = [f"# {section.title}", "", section.summary, ""]
        lines += [f"- [{page.title}]({page.site.name}): {page.summary}" for page in pages]
        write(f"{section.folder}/index.md", "\n".join([*lines, "", toctree([page.site.name for page in pages])]))

    def write_reference(self):
        "The API reference: the front door's names, a page for each room and each module, and the command line."
        modules = {
            chapter.path: self.pages[chapter.path.relative_to(NOTEBOOKS)]
            for chapter in self.library.chapters
            if chapter.module != "__init__"
        }
        lines = [
            "# API reference",
            "",
            "Most programs need these names only. They can be imported from the package itself, "
            f"`from {PACKAGE} import migrate`, and are loaded when they are first used.",
            "",
            front_door(PACKAGE, self.library.chapters),
            "",
            "## All modules, by room",
            "",
        ]
        for room in self.library.rooms:
            pages = [modules[NOTEBOOKS / path] for path in room.pages if NOTEBOOKS / path in modules]
            title, table = self.pages[room.index].title, module_table(pages)
            lines += [f"### {title}", "", table, ""]
            for page in pages:
                write(f"api/{page.module}.md", module_page(page, PACKAGE, f"../{page.site}"))
            intro = f"The modules of the room [{title}](../guide/{room.name}/index.ipynb)."
            contents = toctree([page.module for page in pages])
            write(f"api/{room.name}.md", "\n".join([f"# {title}: modules", "", intro, "", table, "", contents]))
        contents = toctree([f"{self.pages[room.index].title} <{room.name}>" for room in self.library.rooms])
        write("api/index.md", "\n".join([*lines, contents]))
        write("api/command_line.md", command_line(import_module(f"{PACKAGE}.cli").app, PACKAGE))


def copy_files():
    "Pictures to where the pages look for them, and the notebooks themselves, to be downloaded."
    for path in [*NOTEBOOKS.rglob("*.svg"), *NOTEBOOKS.rglob("*.png")]:
        copy(path, PAGES)
    for path in all_notebooks():
        copy(NOTEBOOKS / path, PAGES / "_extra" / "notebooks")


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
    if made.exists():
        made.rename(SITE)
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
    if problems := build():
        sys.exit("\n".join([*problems, f"The site has {len(problems)} problems: fix them and build it again."]))
    print(f"{len(list(SITE.rglob('*.html')))} pages in {SITE.relative_to(ROOT)}, no problem found.")
    if given.serve:
        serve(given.port)


if __name__ == "__main__":
    main()
