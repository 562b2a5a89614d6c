"""Reports of the two worked pairs, opened in a headless Chromium at desktop and phone width: docs/_static/report-*.png.

python docs/screenshots.py            needs the labelled datasets (ITCLUST_SHARED) and Chromium
"""

import importlib.util
import os
import sys
import tempfile
from pathlib import Path

from PIL import Image

import itclust

HERE = Path(__file__).resolve().parent
PAIRS = {
    "pbmc": ("pbmc3k_10xv1", "kang_ifnb2800", "celltype_common"),
    "lines-novel": ("cellbench_celseq2_3cl", "cellbench_celseq2_5cl", "celltype"),
}
SIZES = {"desktop": (1280, 1500, 1), "phone": (390, 1700, 1)}


def main() -> None:
    spec = importlib.util.spec_from_file_location("browser", HERE.parent / "tests" / "python" / "browser.py")
    browsers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(browsers)
    if browsers.installed() is None:
        sys.exit("no Chromium here: apt-get install chromium")
    data = Path(os.environ.get("ITCLUST_SHARED", HERE.parents[1] / "shared")) / "data"
    browser = browsers.Browser()
    with tempfile.TemporaryDirectory() as folder:
        for name, (source, target, key) in PAIRS.items():
            source, target = itclust.read(data / f"{source}.h5ad"), itclust.read(data / f"{target}.h5ad")
            itclust.transfer(source, target, labels_key=key, progress=False)
            page = Path(folder) / f"{name}.html"
            itclust.report(target, page, source=source, labels_key=key)
            for size, (width, height, scale) in SIZES.items():
                browser.open(page.as_uri(), width, height, scale)
                shot = Path(folder) / "shot.png"
                browser.screenshot(shot, full=False)
                save(shot, HERE / "_static" / f"report-{name}-{size}.png")
    browser.close()


def save(shot: Path, path: Path) -> None:
    Image.open(shot).convert("RGB").save(path, "PNG", optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
