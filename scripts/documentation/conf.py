"""How Sphinx builds the guides and the reference; `scripts/build_docs.py` runs it."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

project = "imgwire-async"
release = metadata.version("imgwire-async")
copyright = "the authors of imgwire-async"  # noqa: A001
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "documentation.accessibility",
    "documentation.docstrings",
    "documentation.links",
]

# Guides are Markdown in the dialect of code hosts, with their anchors for headings and their highlighting.
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 6
highlight_language = "python"
# Excerpts of terminals and templates are not always complete.
suppress_warnings = ["misc.highlighting_failure"]

autodoc_default_options = {
    "members": True,
    "inherited-members": "BaseException,Exception,dict,list,Enum,str,int,tuple",
}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
napoleon_use_ivar = True
napoleon_use_rtype = False
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
python_trailing_comma_in_multi_line_signatures = False
toc_object_entries_show_parents = "hide"

templates_path = ["templates"]
html_theme = "furo"
html_title = f"imgwire-async {release}"
html_static_path = ["static"]
html_css_files = ["custom.css"]
html_search_scorer = str(Path(__file__).parent / "static" / "scorer.js")
# The context of search results is fetched page by page, which browsers do not allow for files.
html_show_search_summary = False
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_domain_indices = False
html_use_index = True
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
copybutton_prompt_text = r">>> |\$ "
copybutton_prompt_is_regexp = True
html_theme_options = {"navigation_with_keys": False}
