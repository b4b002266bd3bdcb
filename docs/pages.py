"""Notebooks in nbdev's and Quarto's syntax into pages that Sphinx and MyST-NB read.

The notebooks stay the one source: what is made here is thrown away after the build.
"""

import ast
import re
from dataclasses import dataclass, field
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell

DIRECTIVE = re.compile(r"^#\|\s*([\w-]+):?\s*(.*?)\s*$")
SYMBOLS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
TAGS = {  # nbdev's and Quarto's way to say it → MyST-NB's
    ("hide_input", ""): "remove-input",
    ("echo", "false"): "remove-input",
    ("hide_output", ""): "remove-output",
    ("output", "false"): "remove-output",
    ("code-fold", "true"): "hide-input",
    ("code-fold", "show"): "hide-input",
}
EXPORTS = {"export", "exports", "exporti"}


@dataclass
class Page:
    """One notebook and what its site page is made of.

    Parameters
    ----------
    path : Path
        Of the notebook, relative to the folder of notebooks.
    cells : list
        As nbformat reads them.
    module : str or None
        What the notebook exports, without the package.
    """

    path: Path
    cells: list
    module: str | None = None
    problems: list = field(default_factory=list)

    @property
    def title(self):
        "The first heading."
        return self.cells[0].source.splitlines()[0].removeprefix("# ").strip()

    @property
    def summary(self):
        "The quoted line under the title, which may go on for several."
        return " ".join(line.removeprefix(">").strip() for line in self.cells[0].source.splitlines() if line.startswith(">"))


def directives(source):
    "The `#|` lines at the head of a cell as a dict, and the rest of it."
    lines = source.split("\n")
    found = {}
    while lines and (match := DIRECTIVE.match(lines[0])):
        found[match[1]] = match[2].strip("\"'")
        lines.pop(0)
    return found, "\n".join(lines).strip("\n")


def read_page(root, path):
    "The notebook at `root / path`; one that does not begin with a title and a quoted line is refused."
    cells = nbformat.read(root / path, as_version=4).cells
    named = [given["default_exp"] for cell in cells if "default_exp" in (given := directives(cell.source)[0])]
    page = Page(path, cells, named[0] if named else None)
    if not page.cells or not re.match(r"# \S.*\n+> \S", page.cells[0].source):
        raise SystemExit(f"{path} does not begin with a cell of `# Title` and `> one line that says what it is for`. Write one.")
    return page


def shown(source):
    "The dotted names that a cell of nothing but `show_doc(...)` shows, else none."
    try: body = ast.parse(source).body
    except SyntaxError: return []
    calls = [line.value for line in body if isinstance(line, ast.Expr) and isinstance(line.value, ast.Call)]
    names = [ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "show_doc"]
    return names if len(names) == len(body) else []


def kind_of(symbol, owned):
    "What autodoc calls it."
    if isinstance(symbol, property): return "property"
    return "class" if isinstance(symbol, type) else "method" if owned else "function"


def reference(package, module, name, members_shown):
    "The documentation of a name, without a second entry in the index: that is the API page's."
    kind = kind_of(attrgetter(name)(import_module(f"{package}.{module}")), owned="." in name)
    lines = [f".. auto{kind}:: {package}.{module}.{name}", "   :no-index:"]
    if kind == "class": lines += ["   :members:", "   :member-order: bysource"]
    if kind == "class" and members_shown: lines.append("   :exclude-members: " + ", ".join(members_shown))
    return new_markdown_cell("```{documented}\n" + "\n".join(lines) + "\n```")


def symbols(source):
    "Public functions and classes that a cell defines."
    return [node.name for node in ast.parse(source).body if isinstance(node, SYMBOLS) and not node.name.startswith("_")]


def _figures(cell):
    return [output for output in cell.get("outputs", []) if any(kind.startswith("image/") for kind in output.get("data", {}))]


def code_cells(page, package, place, cell, all_shown):
    "What stands on the page for one code cell: nothing, the cell, or documentation and the folded cell."
    given, source = directives(cell.source)
    if "hide" in given or "default_exp" in given or given.get("include") == "false" or not source: return []
    if EXPORTS & given.keys() and all(isinstance(line, IMPORTS) for line in ast.parse(source).body): return []
    module = page.module or ""
    if names := shown(source): return [reference(package, module, name, all_shown.get(name, ())) for name in names]
    tags = [tag for (name, value), tag in TAGS.items() if given.get(name) == value]
    documented = []
    if EXPORTS & given.keys():
        tags, cell.outputs = ["hide-input"], []
        documented = [reference(package, module, name, all_shown.get(name, ())) for name in symbols(source) if name not in all_shown.get("", ())]
    cell.source, cell.metadata = source, {"tags": tags}
    if _figures(cell):
        if not given.get("fig-alt"): page.problems.append(f"{page.path}, cell {place}: a figure without `#| fig-alt: what it shows`")
        cell.metadata["mystnb"] = {"image": {"alt": given.get("fig-alt", "")}}
    cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]  # progress bars
    return [*documented, cell]


def shown_on(page):
    "Owner → the members that have a `show_doc` of their own; under '' the names without an owner."
    found = {}
    for cell in page.cells:
        for name in shown(directives(cell.source)[1]) if cell.cell_type == "code" else []:
            owner, _, last = name.rpartition(".")
            found.setdefault(owner, []).append(last)
    return found


def links_in(text, page, root):
    "A link that is written from the repository's root, as the README needs it, becomes one from the page."
    def mended(match):
        target, _, anchor = match[2].partition("#")
        if not target or ":" in target or (root / page.path.parent / target).exists() or not (root.parent / target).exists(): return match[0]
        inside = Path(target).relative_to(root.name) if target.startswith(root.name + "/") else Path(target)
        inside = inside / "index.md" if (root / inside).is_dir() else Path(inside.name.lower()) if inside.suffix == ".md" else inside
        return f"{match[1]}({'../' * (len(page.path.parts) - 1)}{inside.as_posix()}{'#' if anchor else ''}{anchor})"

    return re.sub(r"(\[[^\]]*\])\(([^)\s]+)\)", mended, text)


def opening(page, repository):
    "The line under the title that leads to the notebook itself."
    up = "../" * (len(page.path.parts) - 1)
    here, there = f"{up}notebooks/{page.path.as_posix()}", f"{repository}/{page.path.as_posix()}"
    api = f' <a href="{up}api/{page.module}.html">API of <code>{page.module}</code></a>' if page.module else ""
    return f'<p class="notebook-links"><a href="{here}" download>Download this notebook</a> <a href="{there}">Open it in the repository</a>{api}</p>'


def make_page(page, root, package, repository, ending=""):
    "The notebook that MyST-NB renders, as JSON text, with `ending` as its last cell."
    all_shown, cells = shown_on(page), []
    for place, cell in enumerate(page.cells):
        if cell.cell_type == "code": cells += code_cells(page, package, place, cell, all_shown)
        elif cell.cell_type == "markdown": cells.append(new_markdown_cell(links_in(cell.source, page, root)))
    cells.insert(1, new_markdown_cell(opening(page, repository)))
    if ending: cells.append(new_markdown_cell(ending))
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
                                                               "language_info": {"name": "python"}})
    return nbformat.writes(notebook)
