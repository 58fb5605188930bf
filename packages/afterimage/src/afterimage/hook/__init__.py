"""What an agent's client starts at every tool call, cold: it recalls before a write and notes what was written.

Standard library only, nothing from the rest of AfterImage, no site: each start is paid for by the agent's user. So
the modules here import each other relatively (they are ``hook.…`` when run cold, ``afterimage.hook.…`` elsewhere),
take `posix` where others take `os`, and avoid re, json, dataclasses, typing and `from __future__`, which cost more to
import than the hook takes to run. They raise nothing that could stop the agent.
"""
