"""What a person is told when something is broken, wherever that is found out."""

from __future__ import annotations

import capsa

DATABASE_DOWN = "the memory cannot be reached at the moment: nothing was changed, try again in a minute"
DATABASE_FULL = (
    "there is no room left where memories are kept: what was there before is whole; tell whoever keeps this server, "
    "and try again when there is room"
)
NO_CONVERSATION = "there is no such conversation, or it was erased: begin a new one, or choose another of yours"
OUR_FAULT = (
    "something went wrong here, and was noted: try again, and if it happens again, tell whoever keeps this server"
)
STOPPED_EARLY = "the reply was stopped before its first word; what you wrote is kept"
#: While the process ends: of what would begin, and of what cannot come to its end.
ENDING = "this server is about to be restarted: wait half a minute, then send it again"
CUT_OFF = "this server is being restarted in the middle of this reply; what came of it is kept: ask again in a minute"
ELSEWHERE = (
    "this conversation is being answered elsewhere just now, in a terminal or another window: "
    "say this again when that has ended, or reload the page to see it and to stop it"
)


def of_database(error: capsa.CapsaError) -> str:
    """What is the matter with the database, without its own words: these name hosts, files and people."""
    return DATABASE_FULL if isinstance(error, capsa.DatabaseFull) else DATABASE_DOWN
