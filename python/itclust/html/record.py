"""What was run: the call, its parameters and the versions, so that a reader can run it again."""

from __future__ import annotations

import dataclasses
import platform
from importlib import metadata

from itclust import __version__
from itclust.settings import RECIPES

PACKAGES = ("anndata", "scanpy", "keras", "tensorflow", "numpy", "scikit-learn", "matplotlib")


def call(found) -> str:
    """Python that repeats the transfer: the preset, the seed, and what differs from the preset."""
    params = _plain(found.params)
    preset, seed = params.pop("preset"), params.pop("random_state")
    usual = dataclasses.asdict(RECIPES[preset].settings()) if preset in RECIPES else {}
    arguments = [f"preset={preset!r}", f"random_state={seed}"]
    arguments += [f"{k}={v!r}" for k, v in params.items() if not _same(v, usual.get(k))]
    arguments += [f"key_added={found.key!r}"] if found.key != "itclust" else []
    return f"import itclust\n\nitclust.transfer(source, target, {', '.join(arguments)})"


def parameters(found) -> dict[str, str]:
    """Name and value of each parameter, as text."""
    texts = {k: ", ".join(map(str, v)) if isinstance(v, list) else str(v) for k, v in _plain(found.params).items()}
    return {k: texts[k] or "none" for k in sorted(texts)}


def versions(found) -> dict[str, str | None]:
    """Versions of what ran the transfer, and of what is installed where the page is written."""
    own = {"Python": platform.python_version(), "itclust": f"{found.version} (transfer), {__version__} (this page)"}
    return own | {p: _version(p) for p in PACKAGES}


def _plain(params) -> dict:
    """Without the NumPy types that a file gives back."""
    return {
        k: v.tolist() if hasattr(v, "tolist") else list(v) if isinstance(v, tuple) else v for k, v in params.items()
    }


def _same(a, b) -> bool:
    return list(a) == list(b) if isinstance(b, tuple) else bool(a == b)


def _version(package: str) -> str | None:
    for name in (package, f"{package}-cpu"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None
