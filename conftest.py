"""Fixtures that every package's tests share."""

pytest_plugins = ["capsa.testing.fixtures"]
