"""``python -m src.cli.chat``, as the guide has it."""

import sys

from stoic_emperor.cli import run
from stoic_emperor.cli.chat import command

if __name__ == "__main__":
    sys.exit(run(command, None, "python -m src.cli.chat"))
