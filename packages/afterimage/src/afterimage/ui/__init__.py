"""The memory as pages on this machine: to browse, search, compare and forget. No script, nothing from elsewhere.

It needs the extra ``ui``; nothing else of AfterImage imports it.
"""
