"""See `src`."""
