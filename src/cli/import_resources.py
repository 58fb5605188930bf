"""``python -m src.cli.import_resources``, as the guide has it."""

import sys

from stoic_emperor.cli import run
from stoic_emperor.cli.import_resources import command

if __name__ == "__main__":
    sys.exit(run(command, None, "python -m src.cli.import_resources"))
