"""What the clients keep of their sessions, taken in as the hook would have noted it: each change once."""

from afterimage.ingest.places import archive, default_places, files_of
from afterimage.ingest.taking import Ingested, take_in

__all__ = ["Ingested", "archive", "default_places", "files_of", "take_in"]
