"""Build the site from the notebooks: the folder `_docs`, which any web server (or the browser alone) can show.

    python docs/build.py            # build and check it
    python docs/build.py --serve    # and show it at http://127.0.0.1:8000
"""

import argparse
import shutil
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml
from sphinx.cmd.build import main as sphinx_build

from check_site import problems_in
from conf import ROOT, settings
from pages import make_page, read_page

NOTEBOOKS, WORK, SITE = ROOT / settings["nbs_path"], ROOT / "build" / "site", ROOT / settings["doc_path"]
PAGES = WORK / "pages"
PACKAGE, REPOSITORY = settings["lib_name"], f"{settings['git_url']}/blob/{settings['branch']}/{settings['nbs_path']}"


def sections():
    "The sidebar that Quarto reads, too: [(section's title, [(group's title or '', [notebooks])])]."
    contents = yaml.safe_load((NOTEBOOKS / "sidebar.yml").read_text(encoding="utf-8"))["website"]["sidebar"]["contents"]
    return [(item["section"], _groups(item["contents"])) for item in contents if "section" in item]


def _groups(contents):
    alone = [("", [Path(item) for item in contents if isinstance(item, str)])]
    return alone * bool(alone[0][1]) + [(item["section"], [Path(path) for path in item["contents"]]) for item in contents if not isinstance(item, str)]


def check_sidebar(listed):
    "Each notebook stands in the sidebar once."
    there = {path.relative_to(NOTEBOOKS) for path in NOTEBOOKS.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts} - {Path("index.ipynb")}
    wrong = [f"{path} is not in it: add a line" for path in sorted(there - set(listed))]
    wrong += [f"{path} is in it, and does not exist" for path in sorted(set(listed) - there)]
    wrong += [f"{path} is in it twice" for path in sorted({path for path in listed if listed.count(path) > 1})]
    if wrong: sys.exit("\n".join(["nbs/sidebar.yml does not list the notebooks:", *wrong]))


def write(path, text):
    (PAGES / path).parent.mkdir(parents=True, exist_ok=True)
    (PAGES / path).write_text(text, encoding="utf-8")


def toctree(entries, caption=""):
    options = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["```{toctree}", *options, "", *entries, "```", ""])


def write_section(title, groups, pages):
    "The page of one section: what each of its notebooks is for."
    folder = groups[0][1][0].parts[0]
    lines = [f"# {title}", ""]
    for group, paths in groups:
        lines += [f"## {group}", ""] * bool(group)
        lines += [f"- [{pages[path].title}]({path.name}): {pages[path].summary}" for path in paths] + [""]
    write(f"{folder}/index.md", "\n".join([*lines, toctree([path.name for _, paths in groups for path in paths])]))
    return f"{folder}/index"


def write_api(pages):
    "A page for each module, and one that lists them."
    rows, modules = [], [page for page in pages if page.module]
    for page in modules:
        chapter = f"../{page.path.as_posix()}"
        rows.append(f"| [`{page.module}`]({page.module}.md) | {page.summary} | [{page.title}]({chapter}) |")
        write(f"api/{page.module}.md", "\n".join([
            f"# {page.module}", "", f"How and why: the chapter [{page.title}]({chapter}).", "", "```{documented}",
            f".. automodule:: {PACKAGE}.{page.module}", "   :members:", "   :undoc-members:", "   :member-order: bysource", "```", ""]))
    write("api/index.md", "\n".join(["# API reference", "", f"Every public name of `{PACKAGE}`, by module.", "", "| Module | What it is for | Chapter |",
                                     "|---|---|---|", *rows, "", toctree([page.module for page in modules])]))


def write_pages():
    "All that Sphinx reads. Returns what is wrong with it."
    shutil.rmtree(PAGES, ignore_errors=True)
    listed = sections()
    order = [path for _, groups in listed for _, paths in groups for path in paths]
    check_sidebar(order)
    home, *others = pages = [read_page(NOTEBOOKS, path) for path in [Path("index.ipynb"), *order]]
    folders = [write_section(title, groups, {page.path: page for page in others}) for title, groups in listed]
    write_api(others)
    for page in others: write(page.path, make_page(page, NOTEBOOKS, PACKAGE, REPOSITORY))
    contents = toctree([*folders, "api/index"]) + toctree(["contributing", "changelog"], "The project")
    write(home.path, make_page(home, NOTEBOOKS, PACKAGE, REPOSITORY, contents))
    for name in ("CHANGELOG.md", "CONTRIBUTING.md"): shutil.copy(ROOT / name, PAGES / name.lower())
    return [problem for page in pages for problem in page.problems]


def copy_files():
    "Pictures to where the pages look for them, and the notebooks themselves, to be downloaded."
    for path in [*NOTEBOOKS.rglob("*.svg"), *NOTEBOOKS.rglob("*.png")]: copy(path, PAGES)
    for path in NOTEBOOKS.rglob("*.ipynb"):
        if ".ipynb_checkpoints" not in path.parts: copy(path, PAGES / "_extra" / "notebooks")


def copy(path, folder):
    target = folder / path.relative_to(NOTEBOOKS)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)


def build():
    "Make the site. Returns what is wrong with it, in words."
    wrong = write_pages()
    copy_files()
    made = WORK / "html"
    shutil.rmtree(made, ignore_errors=True)
    failed = sphinx_build(["-b", "html", "-W", "--keep-going", "-q", "-d", str(WORK / "doctrees"), "-c", str(ROOT / "docs"), str(PAGES), str(made)])
    shutil.rmtree(SITE, ignore_errors=True)
    if made.exists(): made.rename(SITE)
    return wrong + ["Sphinx warned: see above"] * bool(failed) + problems_in(SITE)


def serve(port):
    handler = partial(SimpleHTTPRequestHandler, directory=SITE)
    print(f"http://127.0.0.1:{port} shows the site; Ctrl+C ends it.")
    ThreadingHTTPServer(("127.0.0.1", port), handler).serve_forever()


def main():
    parser = argparse.ArgumentParser(description="Build the site from the notebooks, and check it.")
    parser.add_argument("--serve", action="store_true", help="show it in a browser afterwards")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    if wrong := build(): sys.exit("\n".join([*wrong, f"The site has {len(wrong)} problems: mend them and build again."]))
    print(f"{len(list(SITE.rglob('*.html')))} pages in {SITE.relative_to(ROOT)}, no problem found.")
    if given.serve: serve(given.port)


if __name__ == "__main__":
    main()
