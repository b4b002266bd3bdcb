"""Formulas as MathML, which every browser draws by itself, and names in `code` that lead to their documentation."""

import re
from inspect import isroutine

from docutils import nodes
from docutils.utils import new_document
from docutils.utils.math import latex2mathml
from myst_parser.mocking import MockRSTParser
from sphinx import addnodes
from sphinx.domains.python import PyClasslike
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import find_pending_xref_condition, make_refnode

# Names of libraries that nbdev has no symbol table for, and where they are documented
ELSEWHERE = {
    "h5py.File": "https://docs.h5py.org/en/stable/high/file.html#h5py.File",
    "h5py.Group": "https://docs.h5py.org/en/stable/high/group.html#h5py.Group",
    "h5py.Dataset": "https://docs.h5py.org/en/stable/high/dataset.html#h5py.Dataset",
    "h5py.string_dtype": "https://docs.h5py.org/en/stable/special.html#h5py.string_dtype",
    "scipy.io.loadmat": "https://docs.scipy.org/doc/scipy/reference/generated/scipy.io.loadmat.html",
    "scipy.io.savemat": "https://docs.scipy.org/doc/scipy/reference/generated/scipy.io.savemat.html",
}
WORD = re.compile("[a-z]+")
SHORTHAND = {"np.": "numpy.", "DataLoader": "torch.utils.data.DataLoader", "Tensor": "torch.Tensor"}


def symbol_tables():
    "Name → address, of NumPy, PyTorch, Python and the above, without the network."
    from nbdev_numpy._modidx import d as of_numpy
    from nbdev_pytorch._modidx import d as of_pytorch
    from nbdev_stdlib._modidx import d as of_python

    found = {
        name: address
        for table in (of_python, of_numpy, of_pytorch)
        for module in table["syms"].values()
        for name, address in module.items()
    }
    return found | ELSEWHERE


def full_name(name):
    "`np.ndarray` is `numpy.ndarray`."
    for short, full in SHORTHAND.items():
        if name == short or (short.endswith(".") and name.startswith(short)):
            return full + name[len(short) :]
    return name


def outside(app, env, node, content):
    "A reference to a name of another library."
    address = app.outside_names.get(full_name(node.get("reftarget", "")))
    if address is None:
        return None
    return nodes.reference("", "", content, refuri=address, internal=False)


def unique_endings(objects):
    "The last one and the last two parts of each of our names → the name, where only one name ends so."
    found = {}
    for name, entry in objects.items():
        parts = name.split(".")
        if entry.objtype != "module":
            found.setdefault(".".join(parts[-1 - (entry.objtype in ("method", "property", "attribute")) :]), set()).add(
                name
            )
    return {ending: names.pop() for ending, names in found.items() if len(names) == 1}


class KeepWords(SphinxPostTransform):
    "A plain lower-case word such as `label` in a list of types is not looked up: many attributes have that name."

    default_priority = 5

    def run(self, **kwargs):
        for node in list(self.document.findall(addnodes.pending_xref)):
            if node.get("refdomain") == "py" and WORD.fullmatch(node["reftarget"]):
                node.replace_self((find_pending_xref_condition(node, "*") or node).children)


class LinkNames(SphinxPostTransform):
    "`SignalReader` in running text leads to the API page."

    default_priority = 200

    def run(self, **kwargs):
        domain = self.env.get_domain("py")
        if not hasattr(self.app, "own_names"):
            self.app.own_names = unique_endings(domain.objects)
        for node in list(self.document.findall(nodes.literal)):
            if not isinstance(node.parent, (nodes.reference, nodes.title)):
                self.link(node, domain)

    def link(self, node, domain):
        text = re.sub(r"\(\)$", "", node.astext())
        if WORD.fullmatch(node.astext()):
            return  # as likely a word as a name
        name = text if text in domain.objects else self.app.own_names.get(text)
        if name:
            entry = domain.objects[name]
            node.replace_self(
                make_refnode(self.app.builder, self.env.docname, entry.docname, entry.node_id, [node.deepcopy()], name)
            )
        elif address := self.app.outside_names.get(full_name(text)):
            node.replace_self(nodes.reference("", "", node.deepcopy(), refuri=address, internal=False))


class Documented(SphinxDirective):
    """`autofunction` and related directives on a notebook's page.

    MyST's own `eval-rst` first reads one empty line for each line above it in the notebook: minutes on our pages.
    """

    has_content = True

    def run(self):
        document = new_document(self.state.document["source"], self.state.document.settings)
        document.reporter = self.state.document.reporter
        MockRSTParser().parse("\n".join(self.content), document)
        return document.children


class Keywords(SphinxDirective):
    "Words, one a line, for which the search lists this page first."

    has_content = True

    def run(self):
        return [addnodes.index(entries=[("single", word, "", "main", None) for word in self.content])]


def plural(app, what, name, obj, options, lines):
    "In a notebook one writes `Subset`s, which reStructuredText reads as a role without an end."
    lines[:] = [re.sub(r"(`[^`\s]+`)(?=[A-Za-z])", r"\1\\ ", line) for line in lines]


def not_a_type(app, what, name, obj, options, lines):
    "Napoleon takes the words before a colon in the first line of a property for its type; an empty line prevents it."
    if what in ("property", "attribute", "data"):
        lines.insert(0, "")


def made_elsewhere(app, what, name, symbol, skip, options):
    "Methods that another library puts into our classes (Matplotlib's `set`) are documented there."
    return isroutine(symbol) and not (symbol.__module__ or "").startswith(app.config.package) or None


def visit_math(translator, node):
    block = isinstance(node, nodes.math_block)
    translator.body.append(
        f'<div class="math-block">{as_mathml(node, block)}</div>' if block else as_mathml(node, block)
    )
    raise nodes.SkipNode


def as_mathml(node, block):
    text = " ".join(node.astext().split())
    return latex2mathml.tex2mathml(text, as_block=block)


def setup(app):
    for field in PyClasslike.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"
    app.outside_names = symbol_tables()
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math, None))
    app.add_post_transform(KeepWords)
    app.add_post_transform(LinkNames)
    app.add_directive("documented", Documented)
    app.add_directive("keywords", Keywords)
    app.connect("autodoc-process-docstring", not_a_type, priority=400)
    app.connect("autodoc-process-docstring", plural)
    app.add_config_value("package", "", "env")
    app.connect("autodoc-skip-member", made_elsewhere)
    app.connect("missing-reference", outside)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
