"""``python -m afterimage``: the same as the command ``afterimage``."""

import sys

from afterimage.cli import main

if __name__ == "__main__":
    sys.exit(main())
