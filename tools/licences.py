"""Write docs/licences.md: what ItClust's locked packages, and the R packages it imports, are licensed under.

.venv/bin/python tools/licences.py
"""

import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAD = """# Licences

ItClust is under the MIT licence and ships no code of others. It runs on the packages below, which are installed beside
it under licences of their own, as they state them. Made by `tools/licences.py` from the lock
files and `DESCRIPTION`.
"""


def of_python(name: str) -> tuple[str, str]:
    """Version and licence by a package's own metadata: the expression, else the classifier, else the text's first line."""
    about = metadata.metadata(name)
    classified = [
        c.rpartition(" :: ")[2]
        for c in about.get_all("Classifier") or ()
        if c.startswith("License :: OSI Approved :: ")
    ]
    text = (about.get("License") or "").strip().splitlines()
    words = about.get("License-Expression") or ", ".join(classified) or (text[0] if text else "see the package")
    return about["Version"], words.replace(" License", "").strip()


def python_rows() -> list[str]:
    """A row a locked package; TensorFlow stands there by its name for each platform."""
    locks = "".join((ROOT / f"requirements{part}.lock").read_text() for part in ("", "-r"))
    names = re.findall(r"^([A-Za-z0-9._-]+)==", locks, re.MULTILINE)
    rows = []
    for name in names:
        try:
            version, words = of_python(name)
        except metadata.PackageNotFoundError:
            continue
        rows.append(f"| {name} | {version} | {words} |")
    return rows


def r_rows() -> list[str]:
    """A row an R package that DESCRIPTION imports."""
    text = re.search(r"^Imports:(.*?)^\S", (ROOT / "DESCRIPTION").read_text(), re.MULTILINE | re.DOTALL).group(1)
    names = re.findall(r"[A-Za-z][A-Za-z0-9.]+(?=\s*(?:\(|,|$))", text, re.MULTILINE)
    code = 'for (p in commandArgs(TRUE)) cat(p, "|", as.character(packageVersion(p)), "|", packageDescription(p)$License, "\\n")'
    done = subprocess.run(["Rscript", "-e", code, *names], capture_output=True, text=True, check=True)
    rows = (line.split("|", 2) for line in done.stdout.splitlines())
    return [f"| {' | '.join(part.strip().replace(' | ', ' or ') for part in row)} |" for row in rows]


def main():
    """Write the page."""
    lines = [HEAD, "## Python\n", "| package | version | licence |", "|---|---|---|", *python_rows()]
    if shutil.which("Rscript"):
        lines += ["", "## R\n", "| package | version | licence |", "|---|---|---|", *r_rows()]
    (ROOT / "docs" / "licences.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
