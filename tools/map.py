#!/usr/bin/env python3
"""Map of the Python package: what imports what, how large files and functions are.

usage: tools/map.py [FOLDER]          default: python/itclust

A line a module: its lines, its longest function, the modules of the project that it imports. Then the totals.
"""

import ast
import sys
from pathlib import Path


def imports(tree, package, module) -> set[str]:
    """Modules of the package that a syntax tree imports, at the top or inside a function."""
    known, found = set(package), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{a.name}" for a in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] != "itclust":
                continue
            best = next((".".join(parts[1:k]) for k in range(len(parts), 1, -1) if ".".join(parts[1:k]) in known), "")
            if best != module:
                found.add(best)
    return found - {""}


def functions(tree) -> list[tuple[int, str]]:
    """Length and name of every function."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [(n.end_lineno - n.lineno + 1, n.name) for n in ast.walk(tree) if isinstance(n, kinds)]


def modules(root: Path) -> dict[str, Path]:
    """Dotted name, without the package's own -> file."""
    names = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        names[".".join(parts)] = path
    return names


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "python" / "itclust")
    package = modules(root)
    total, longest, arrows = 0, (0, ""), 0
    for name, path in package.items():
        text = path.read_text()
        tree = ast.parse(text)
        lines, of = len(text.splitlines()), max(functions(tree), default=(0, ""))
        to = sorted(imports(tree, package, name)) if name else []
        total, longest, arrows = total + lines, max(longest, (*of, name)), arrows + len(to)
        print(
            f"{name or '(package)':<22}{lines:>5} lines, longest function {of[0]:>3} {of[1]:<24}-> {', '.join(to) or '-'}"
        )
    print(f"\n{len(package)} files, {total} lines, {arrows} imports; longest function: {longest[0]} lines, "
          f"{longest[2]}.{longest[1]}")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
