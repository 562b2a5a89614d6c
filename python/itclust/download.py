"""A file from the web, whole and verified, kept in the user's cache."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from pathlib import Path

from itclust.io.atomic import whole

logger = logging.getLogger("itclust")

_CHUNK = 1 << 20
_TIMEOUT = 60  # seconds without a byte


def cache_dir() -> Path:
    """Folder for downloads: ``ITCLUST_CACHE``, else the system's own place for caches."""
    if given := os.environ.get("ITCLUST_CACHE"):
        return Path(given)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "itclust"


def fetch(url: str, path, *, sha256: str | None = None) -> Path:
    """Path of the file at ``url``: downloaded if ``path`` is not there, verified always.

    Parameters
    ----------
    url
        http or https.
    path
        Where to keep it. Its checksum is kept beside it, in ``path`` + ``.sha256``, as ``sha256sum`` writes it.
    sha256
        What the checksum must be. Without it, the first download is trusted and later uses are held to its sum.
    """
    path = Path(path).expanduser()
    sidecar = path.with_name(path.name + ".sha256")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        found = _download(url, path, sha256)
        with whole(sidecar) as part:
            part.write_text(f"{found}  {path.name}\n")
        logger.info("%s: downloaded, sha256 %s", path, found)
        return path
    expected = sha256 or (sidecar.read_text().split()[0] if sidecar.exists() else None)
    if expected and (found := _sum_of(path)) != expected.lower():
        msg = (
            f"{path} is not the file that it was: sha256 {found}, expected {expected}. Delete it to download it again."
        )
        raise ValueError(msg)
    return path


def _download(url: str, path: Path, sha256: str | None) -> str:
    from http.client import HTTPException
    from urllib.error import URLError
    from urllib.request import Request, urlopen

    if not url.startswith(("http://", "https://")):
        msg = f"cannot download {url!r}: the address must start with https:// or http://."
        raise ValueError(msg)
    request = Request(url, headers={"User-Agent": "itclust"})
    try:
        with whole(path) as part, urlopen(request, timeout=_TIMEOUT) as response, part.open("wb") as file:
            found = _copy(response, file, path.name)
            if sha256 and found != sha256.lower():
                msg = f"{url} gave another file than expected: sha256 {found}, expected {sha256}. Nothing was kept."
                raise ValueError(msg)
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        msg = f"could not download {url} ({reason}). Get it by other means and pass path=."
        raise ConnectionError(msg) from error
    return found


def _copy(response, file, name: str) -> str:
    from tqdm.auto import tqdm

    total = int(response.headers.get("Content-Length", 0)) or None
    digest = hashlib.sha256()
    # disable=None: no bar where nobody watches
    with tqdm(total=total, unit="B", unit_scale=True, desc=name, disable=None) as bar:
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            digest.update(chunk)
            bar.update(len(chunk))
    if total and file.tell() != total:
        msg = f"the connection ended after {file.tell()} of {total} bytes"
        raise OSError(msg)
    return digest.hexdigest()


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
