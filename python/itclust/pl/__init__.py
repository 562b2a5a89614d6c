"""Plots of an annotated target; scanpy's habits: ``ax``, ``show``, ``save``, Axes back with ``show=False``."""

from itclust.pl.alluvial import flow
from itclust.pl.assignment import confidence, probabilities, reliability
from itclust.pl.course import history, paths
from itclust.pl.dots import markers
from itclust.pl.embedding import umap

__all__ = ["confidence", "flow", "history", "markers", "paths", "probabilities", "reliability", "umap"]
