#!/usr/bin/env python3
"""The migration guide's command: SQLite, and ChromaDB beside it, into PostgreSQL.

python scripts/migrate_sqlite_to_postgres.py --sqlite ./data/stoic_emperor.db --postgres "$DATABASE_URL"
"""

import sys

from stoic_emperor.legacy.command import main

if __name__ == "__main__":
    sys.exit(main())
