"""Sphinx: MyST pages, notebooks in Markdown that run when built, and the API from its docstrings."""

import os
import shutil
import subprocess
from pathlib import Path

import itclust

HERE = Path(__file__).parent


def _r_is_ready() -> bool:
    command = ["Rscript", "-e", 'quit(status = !requireNamespace("ItClust", quietly = TRUE))']
    return bool(shutil.which("Rscript")) and subprocess.run(command, check=False, capture_output=True).returncode == 0


def _shared_data() -> bool:
    root = Path(os.environ.get("ITCLUST_SHARED", HERE.parents[1] / "shared"))
    os.environ["ITCLUST_SHARED"] = str(root)
    return (root / "data").is_dir()


project = "ItClust"
author = "ItClust authors"
copyright = author
version = release = itclust.__version__
extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "ablation.md", "r-session", "**/.ipynb_checkpoints"]
absent = [page for page in ("recipe", "benchmarks") if not (HERE / f"{page}.md").exists()]  # made by other tools
if not _shared_data():
    exclude_patterns.append("pairs/*")  # these show the labelled datasets, which are not part of the project
    absent += ["pairs/pbmc", "pairs/lines-novel"]
suppress_warnings = ["mystnb.unknown_mime_type"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "amsmath"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_timeout = 900
nb_execution_raise_on_error = True
nb_execution_excludepatterns = [] if _r_is_ready() else ["tutorials/from-r.md"]
nb_output_stderr = "remove"
nb_merge_streams = True

autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme = "sphinx_book_theme"
html_title = f"ItClust {release}"
html_static_path = ["_static"]
html_theme_options = {"show_toc_level": 2, "home_page_in_toc": True, "use_download_button": False}
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # notebooks run in processes that inherit it


def _leave_out(app, docname, source):
    """Entries of tables of contents whose page is not there."""
    source[0] = "\n".join(line for line in source[0].split("\n") if line not in absent)


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", _leave_out)
