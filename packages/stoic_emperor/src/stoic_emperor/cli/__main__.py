"""``python -m stoic_emperor.cli`` is ``stoic``."""

from __future__ import annotations

import sys

from stoic_emperor.cli import main

sys.exit(main())
