"""What a person is told when something is broken, wherever that is found out."""

from __future__ import annotations

DATABASE_DOWN = "the memory cannot be reached at the moment: nothing was changed, try again in a minute"
OUR_FAULT = (
    "something went wrong here, and was noted: try again, and if it happens again, tell whoever keeps this server"
)
