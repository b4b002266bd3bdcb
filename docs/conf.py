"""Sphinx's settings. What describes the project comes from settings.ini."""

import sys
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_parser = ConfigParser(delimiters=["="])
_parser.read(ROOT / "settings.ini", encoding="utf-8")
settings = _parser["DEFAULT"]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

project, version, release = settings["title"], settings["version"], settings["version"]
author, copyright, language = settings["author"], settings["copyright"], "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "site_extension"]
exclude_patterns = ["_extra"]
html_extra_path = [str(ROOT / "build" / "site" / "pages" / "_extra")]

# Notebooks: outputs are stored, so nothing runs here
nb_execution_mode = "off"
nb_code_prompt_show, nb_code_prompt_hide = "Show the source", "Hide the source"
nb_merge_streams = True
nb_render_markdown_format = "myst"
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 4
suppress_warnings = [
    "myst.header",  # a chapter may begin its examples at a lower level
    "ref.python",  # an attribute of one class may have the name of another's
]

# The package's own documentation
package = settings["lib_name"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
add_module_names = False
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False
napoleon_use_ivar = True
default_role = "code"
toc_object_entries_show_parents = "hide"
html_math_renderer = "mathml"
smartquotes_action = "qe"  # quotes and ellipses; `--option` keeps its hyphens

# Looks
html_theme = "furo"
html_title = settings["title"]
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_domain_indices = False  # the API reference lists the modules
html_baseurl = settings["doc_host"] + settings["doc_baseurl"] + "/"
pygments_style, pygments_dark_style = "a11y-light", "a11y-dark"
copybutton_exclude = ".linenos, .gp, .go"
