"""The import paths that the migration guide shows; everything is in `stoic_emperor`."""
