"""Annotate a new single-cell RNA-seq dataset (target) from an already annotated one (source)."""

from importlib import import_module as _import_module

__version__ = "2.0.0"

# Public name -> module that defines it. Nothing is imported before it is used: `import itclust` stays instant.
_WHERE = {
    "ItClust": "api",
    "transfer": "api",
    "Settings": "settings",
    "explain": "explanation",
    "group": "groups",
    "read": "io",
    "read_10X": "legacy",
    "report": "html",
    "transfer_learning_clf": "legacy",
}
_MODULES = ("datasets", "io", "pl", "settings")

__all__ = ["__version__", *_WHERE, *_MODULES]  # noqa: PLE0604


def __getattr__(name):
    if name in _WHERE:
        return getattr(_import_module(f"itclust.{_WHERE[name]}"), name)
    if name in _MODULES:
        return _import_module(f"itclust.{name}")
    msg = f"module 'itclust' has no attribute {name!r}; it has: {', '.join(__all__)}."
    raise AttributeError(msg)


def __dir__():
    return sorted(__all__)
