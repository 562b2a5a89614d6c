"""Settings, seeds and keys out of their range: each is refused at once, by name, before anything is read."""

from __future__ import annotations

import dataclasses

from itclust.settings import LARGEST, RANGES, RECIPES, TINY


def _of_field(name: str, default) -> list:
    """Values that a setting cannot have, by its range and its kind."""
    if isinstance(default, bool):
        return ["maybe", 2]
    if name == "n_hidden":
        return [0, -8, 10**7, "wide"]
    if isinstance(default, tuple):
        return [0.5] if name == "unlabelled" else ["square"]
    low, high = RANGES.get(name, (0, None))
    low = 0 if low == TINY else low - 1
    beyond = [(LARGEST if high is None else high) * 2 + 1, float("nan"), float("inf"), "some"]
    return [low, *beyond, *([0.5 + (low + 1)] if isinstance(default, int) else [])]


def _settings() -> dict:
    cases = {}
    for preset, row in RECIPES.items():
        for field in dataclasses.fields(row.settings):
            if field.name == "unlabelled":  # takes any text
                continue
            for value in _of_field(field.name, field.default):
                case = (preset, field.name, value, "is not usable" if field.name != "steps" else "steps takes")
                cases.setdefault(f"{field.name}={value!r}", case)
    return cases


# What is said by the same name -> (preset, setting, value, a part of the message)
SETTINGS = _settings()
SETTINGS |= {
    "an unknown setting": ("default", "n_latnet", 3, "did you mean 'n_latent'"),
    "a setting of the other preset": ("default", "pretrain_epochs", 3, "one of preset='paper'"),
    "novelty=True with the paper's recipe": ("paper", "novelty", True, "no search for new types"),
}

SEEDS = [-1, 2**32, 1.5, "a", float("nan"), [1]]

KEYS = {
    "a slash": "a/b",
    "nothing": "",
    "blanks": "  ",
    "a dot": ".",
    "two dots": "..",
    "a zero byte": "a\0b",
    "a line end": "a\nb",
    "an escape": "a\x1b[2J",
    "half a letter": "a\ud800",
    "the name that AnnData keeps": "_index",
    "70,000 letters": "a" * 70_000,
}


def of_r() -> list:
    """The cases of settings as R takes them: preset, name, value and a part of the message."""
    plain = {name: case for name, case in SETTINGS.items() if "=" in name}
    return [
        [name, preset, setting.replace("_", "."), float(v) if type(v) is int else v, says]
        for name, (preset, setting, v, says) in plain.items()
        if str(v) != "nan"  # NA there
    ]
