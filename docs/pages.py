"""Turn notebooks in the syntax of nbdev and Quarto into pages that Sphinx and MyST-NB read.

The notebooks remain the only source: these pages are thrown away after the build.
"""

import ast
import os
import posixpath
import re
from dataclasses import dataclass, field
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell

from site_map import front_matter, site_path, without_front_matter

DIRECTIVE = re.compile(r"^#\|\s*([\w-]+):?\s*(.*?)\s*$")
LINK = re.compile(r"(\[[^\]]*\])\(([^)\s]+)\)")
SYMBOLS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
TAGS = {  # the directives of nbdev and Quarto → the cell tags of MyST-NB
    ("hide_input", ""): "remove-input",
    ("echo", "false"): "remove-input",
    ("hide_output", ""): "remove-output",
    ("output", "false"): "remove-output",
    ("code-fold", "true"): "hide-input",
    ("code-fold", "show"): "hide-input",
}
EXPORTS = {"export", "exports", "exporti"}
LONG_IMPORTS = 2  # a cell that only imports is folded if it has more lines than this


@dataclass
class Page:
    """One notebook and what its page on the site is made of.

    Parameters
    ----------
    path : Path
        The notebook, relative to the folder of notebooks.
    cells : list
        Its cells, as nbformat reads them.
    module : str or None
        The module that it exports, without the package's name.
    keywords : list of str
        Words for which the search lists this page first.
    """

    path: Path
    cells: list
    module: str | None = None
    keywords: list = field(default_factory=list)
    problems: list = field(default_factory=list)

    @property
    def site(self):
        "The page's path on the site, without numbers."
        return site_path(self.path)

    @property
    def title(self):
        "The first heading."
        return self.cells[0].source.splitlines()[0].removeprefix("# ").strip()

    @property
    def summary(self):
        "The quoted line under the title, which may go on for several."
        lines = self.cells[0].source.splitlines()
        return " ".join(line.removeprefix(">").strip() for line in lines if line.startswith(">"))

    @property
    def api(self):
        "The name of the module's page in the API reference."
        return f"api/{'index' if self.module == '__init__' else self.module}"


def directives(source):
    "The `#|` lines at the head of a cell as a dict, and the rest of it."
    lines = source.split("\n")
    found = {}
    while lines and (match := DIRECTIVE.match(lines[0])):
        found[match[1]] = match[2].strip("\"'")
        lines.pop(0)
    return found, "\n".join(lines).strip("\n")


def read_page(root, path):
    "The notebook at `root / path`. Its first cell must be a title and a quoted line."
    cells = nbformat.read(root / path, as_version=4).cells
    named = [given["default_exp"] for cell in cells if "default_exp" in (given := directives(cell.source)[0])]
    if not cells or not re.match(r"# \S.*\n+> \S", cells[0].source):
        raise SystemExit(
            f"{path} does not begin with `# Title` and `> one line that says what it is for`. Add this cell."
        )
    keywords = front_matter(cells[0].source).get("keywords", [])
    cells[0].source = without_front_matter(cells[0].source)
    return Page(path, cells, named[0] if named else None, keywords)


def shown(source):
    "The dotted names that a cell of nothing but `show_doc(...)` shows, else none."
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return []
    calls = [line.value for line in body if isinstance(line, ast.Expr) and isinstance(line.value, ast.Call)]
    names = [ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "show_doc"]
    return names if len(names) == len(body) else []


def kind_of(symbol, owned):
    "The name of autodoc's directive for a symbol."
    if isinstance(symbol, property):
        return "property"
    return "class" if isinstance(symbol, type) else "method" if owned else "function"


def reference(package, module, name, members_shown):
    "The documentation of a name, without a second entry in the index: that is on the API page."
    kind = kind_of(attrgetter(name)(import_module(f"{package}.{module}")), owned="." in name)
    lines = [f".. auto{kind}:: {package}.{module}.{name}", "   :no-index:"]
    if kind == "class":
        lines += ["   :members:", "   :member-order: bysource"]
    if kind == "class" and members_shown:
        lines.append("   :exclude-members: " + ", ".join(members_shown))
    return documented(*lines)


def documented(*lines):
    return new_markdown_cell("\n".join(["```{documented}", *lines, "```"]))


def symbols(source):
    "Public functions and classes that a cell defines."
    return [node.name for node in ast.parse(source).body if isinstance(node, SYMBOLS) and not node.name.startswith("_")]


def only_imports(source):
    "Whether a cell does nothing but import."
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return False  # a cell with `%pip` or `!ls`
    return bool(body) and all(isinstance(line, IMPORTS) for line in body)


def has_figure(cell):
    return any(kind.startswith("image/") for output in cell.get("outputs", []) for kind in output.get("data", {}))


def code_cells(page, package, place, cell, all_shown):
    "The cells of the page for one code cell: none, the cell, or documentation and the folded cell."
    given, source = directives(cell.source)
    exported, imports = EXPORTS & given.keys(), only_imports(source)
    if "hide" in given or "default_exp" in given or given.get("include") == "false" or not source:
        return []
    if exported and imports:
        return []
    if names := shown(source):
        return [reference(package, page.module or "", name, all_shown.get(name, ())) for name in names]
    tags, options = [tag for (name, value), tag in TAGS.items() if given.get(name) == value], {}
    before = []
    if exported:
        tags, cell.outputs = ["hide-input"], []
        if page.module != "__init__":
            names = [name for name in symbols(source) if name not in all_shown.get("", ())]
            before = [reference(package, page.module, name, all_shown.get(name, ())) for name in names]
    elif imports and len(source.splitlines()) > LONG_IMPORTS:
        tags = ["hide-input"]
        options = {"code_prompt_show": "Show the imports", "code_prompt_hide": "Hide the imports"}
    if has_figure(cell):
        if not given.get("fig-alt"):
            page.problems.append(f"{page.path}, cell {place}: a figure without `#| fig-alt: what it shows`")
        options["image"] = {"alt": given.get("fig-alt", "")}
    cell.source, cell.metadata = source, {"tags": tags, "mystnb": options}
    cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]  # progress bars
    return [*before, cell]


def shown_on(page):
    "Owner → the members that have a `show_doc` of their own; under '' the names without an owner."
    found = {}
    for cell in page.cells:
        for name in shown(directives(cell.source)[1]) if cell.cell_type == "code" else []:
            owner, _, last = name.rpartition(".")
            found.setdefault(owner, []).append(last)
    return found


def address_on_site(target, root):
    "The path on the site of a notebook, a folder of notebooks or a text of the repository; `None` for anything else."
    if target.is_dir() and target.is_relative_to(root):
        written = (target / "index.ipynb").exists()
        return site_path(target.relative_to(root) / ("index.ipynb" if written else "index.md"))
    if target.suffix == ".ipynb" and target.is_relative_to(root):
        return site_path(target.relative_to(root))
    if target.suffix == ".md" and target.parent == root.parent:
        return Path(target.name.lower())
    return None


def links_in(text, path, root, repository):
    "Text whose links lead to pages of the site. They may be relative to the notebook or to the repository."

    def repaired(match):
        target, _, anchor = match[2].partition("#")
        if not target or ":" in target:
            return match[0]
        places = (Path(os.path.normpath(folder / target)) for folder in (root / path.parent, root.parent))
        found = next((place for place in places if place.exists()), None)
        if found is None:
            return match[0]  # the check of the site names it
        address = address_on_site(found, root)
        if address is None:
            address = f"{repository}/{found.relative_to(root.parent).as_posix()}"
        else:
            address = posixpath.relpath(address.as_posix(), site_path(path).parent.as_posix())
        return f"{match[1]}({address}{'#' * bool(anchor)}{anchor})"

    return LINK.sub(repaired, text)


def opening(page, repository):
    "The line under the title that leads to the notebook itself."
    up = "../" * (len(page.site.parts) - 1)
    here, there = f"{up}notebooks/{page.path.as_posix()}", f"{repository}/nbs/{page.path.as_posix()}"
    name = "lstm_pfd_h5" if page.module == "__init__" else page.module
    api = f' <a href="{up}{page.api}.html">API of <code>{name}</code></a>' if page.module else ""
    return (
        f'<p class="notebook-links"><a href="{here}" download>Download this notebook</a> '
        f'<a href="{there}">Open it in the repository</a>{api}</p>'
    )


def make_page(page, root, package, repository, ending=""):
    "The notebook that MyST-NB renders, as JSON text, with `ending` as its last cell."
    all_shown, cells = shown_on(page), []
    for place, cell in enumerate(page.cells):
        if cell.cell_type == "code":
            cells += code_cells(page, package, place, cell, all_shown)
        elif cell.cell_type == "markdown":
            cells.append(new_markdown_cell(links_in(cell.source, page.path, root, repository)))
    if page.path.stem != "index":
        cells.insert(1, new_markdown_cell(opening(page, repository)))
    if page.keywords:
        cells.insert(1, new_markdown_cell("\n".join(["```{keywords}", *page.keywords, "```"])))
    if ending:
        cells.append(new_markdown_cell(ending))
    python = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata=python))
