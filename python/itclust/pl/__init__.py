"""Plots of an annotated target; scanpy's habits: ``ax``, ``show``, ``save``, Axes back with ``show=False``."""

from itclust.pl.alluvial import flow
from itclust.pl.assignment import confidence, probabilities
from itclust.pl.course import history, paths
from itclust.pl.dots import markers
from itclust.pl.embedding import umap
from itclust.pl.trust import certainty, confusions, reliability

__all__ = [
    "certainty",
    "confidence",
    "confusions",
    "flow",
    "history",
    "markers",
    "paths",
    "probabilities",
    "reliability",
    "umap",
]
