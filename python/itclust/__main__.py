"""``python -m itclust``."""

import sys

from itclust.cli import main

sys.exit(main())
