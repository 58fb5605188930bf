"""Every figure the project promises, measured beside its floor or its peer in the same run."""
