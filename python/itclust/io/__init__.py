"""Files in and out: ``read`` takes what labs have, ``write`` leaves a whole file or none.

One file a format family; ``recognise`` says by content which one a path belongs to, ``reading`` calls it. What a file
claims is checked before it is believed: ``probe``, ``hdf5``, ``chunks``, ``lines`` before reading, ``structure`` before
and after it.
"""

from itclust.io.atomic import whole
from itclust.io.outputs import Outputs, Refused
from itclust.io.reading import is_large, read
from itclust.io.recognise import FORMATS, Unreadable
from itclust.io.writing import write, write_csv

__all__ = ["FORMATS", "Outputs", "Refused", "Unreadable", "is_large", "read", "whole", "write", "write_csv"]
