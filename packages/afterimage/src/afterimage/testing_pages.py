"""For tests and pictures: the pages running, and a small memory of somebody who writes a program about birds."""

from __future__ import annotations

import contextlib
import datetime as dt
import html
import itertools
import random
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from afterimage.entries import StorageEntry
from afterimage.hook.project import project_of
from afterimage.identity import content_hash
from afterimage.storage import StorageBackend
from afterimage.ui.app import make_app
from afterimage.ui.door import HOST, Door

_SIGHTINGS = '''"""Birds that were seen, and where."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Sighting:
    """One bird, at one place and time."""

    species: str
    seen_at: datetime
    latitude: float
    longitude: float
    count: int = 1


def parse_sighting(line: str) -> Sighting:
    """Read a line of a notebook: species; time; latitude, longitude; count."""
    species, when, place, *rest = [part.strip() for part in line.split(";")]
    latitude, longitude = place.split(",")
    return Sighting(species, datetime.fromisoformat(when), float(latitude), float(longitude))


def near(one: Sighting, other: Sighting, kilometres: float = 1.0) -> bool:
    """Whether both were seen within so many kilometres of each other."""
    return distance(one, other) <= kilometres
'''
_DISTANCE_OLD = """def distance(one, other):
    return hypot(one.latitude - other.latitude, one.longitude - other.longitude)
"""
_DISTANCE = '''def distance(one: Sighting, other: Sighting) -> float:
    """Kilometres between two sightings, along the surface of the earth."""
    north, south = radians(one.latitude), radians(other.latitude)
    east = radians(other.longitude - one.longitude)
    return 6371.0 * acos(sin(north) * sin(south) + cos(north) * cos(south) * cos(east))
'''
_PARSE_OLD = """    latitude, longitude = place.split(",")
    return Sighting(species, datetime.fromisoformat(when), float(latitude), float(longitude))
"""
_PARSE = """    latitude, longitude = map(float, place.split(","))
    count = int(rest[0]) if rest else 1
    if not -90 <= latitude <= 90 or not -180 <= longitude <= 180:
        raise ValueError(f"no such place on earth: {place}")
    return Sighting(species, datetime.fromisoformat(when), latitude, longitude, count)
"""
_SPECIES = '''def tally(sightings):
    """How many birds of each species were seen, the most frequent first."""
    counts = Counter()
    for sighting in sightings:
        counts[sighting.species] += sighting.count
    return counts.most_common()
'''
_MAP = """export function draw(map: Map, sightings: Sighting[]): void {
  for (const { species, latitude, longitude } of sightings) {
    const marker = new Marker([latitude, longitude]);
    marker.title = species;
    map.add(marker);
  }
}
"""
_RETRY = '''def fetch_weather(place, attempts=4):
    """The weather at a place; asks again, later and later, while the station does not answer."""
    for attempt in range(attempts):
        try:
            return station(place).read(timeout=5)
        except TimeoutError:
            sleep(2 ** attempt)
    raise NoWeather(place)
'''
_TESTS = """def test_a_line_without_a_count_is_one_bird():
    assert parse_sighting("robin; 2026-05-01T06:10; 51.5, -0.1").count == 1
"""


@dataclass(frozen=True)
class Site:
    """The pages of a memory, served."""

    door: Door
    #: Links that a terminal would have shown.
    told: list[str]

    def at(self, page: str) -> str:
        """The address of a page."""
        return f"{self.door.origin}{self.door.folder}/{page}"


@dataclass
class Visitor:
    """Somebody at the pages, from outside at first."""

    backend: StorageBackend
    directory: Path
    door: Door
    client: Any
    told: list[str] = field(default_factory=list)

    def come_in(self) -> None:
        """With a link of the terminal."""
        self.client.get(self.door.link()).raise_for_status()

    def get(self, page: str, **options: Any) -> Any:
        """The answer for a page."""
        return self.client.get(f"{self.door.folder}/{html.unescape(page)}", **options)

    def text(self, page: str) -> str:
        """A page that is there."""
        answer = self.get(page)
        if answer.status_code != 200:
            raise AssertionError(f"{page}: {answer.status_code}: {answer.text}")
        return str(answer.text)

    def post(self, page: str, given: dict[str, str], **options: Any) -> Any:
        """The answer to the form of a page."""
        return self.client.post(f"{self.door.folder}/{page}", data=given, **options)

    def form(self, page: str) -> dict[str, str]:
        """What the form of a page sends."""
        found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', self.text(page))
        return {name: html.unescape(value) for name, value in found}


@contextlib.contextmanager
def visiting(backend: StorageBackend, directory: Path) -> Iterator[Visitor]:
    """Somebody who has come in."""
    from starlette.testclient import TestClient

    told: list[str] = []
    door = Door(8777, told.append)
    app = make_app(backend, directory, door)
    with TestClient(app, base_url=door.origin, follow_redirects=False) as client:
        made = Visitor(backend, directory, door, client, told)
        made.come_in()
        yield made


def links(text: str, page: str) -> list[str]:
    """The addresses of one page that another names."""
    return [html.unescape(found) for found in re.findall(rf'href="({page}\?[^"#]*)', text)]


@contextlib.contextmanager
def running_pages(backend: StorageBackend, directory: Path) -> Iterator[Site]:
    """Served on a port of their own, until the end."""
    told: list[str] = []
    with socket.create_server((HOST, 0)) as listening:
        door = Door(listening.getsockname()[1], told.append)
        app = make_app(backend, directory, door)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, log_level="critical", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            while not server.started:
                time.sleep(0.02)
            yield Site(door, told)
        finally:
            server.should_exit = True
            thread.join(20)


def pleasant_memory(backend: StorageBackend, home: Path, now: dt.datetime, *, written: bool = False) -> list[str]:
    """Fill ``backend`` with some ten weeks of work in two projects below ``home``; the ids, in order.

    Args:
        written: whether the files are there too, as they were left.
    """
    entries = sorted(_entries(home, now), key=lambda entry: entry.timestamp)
    if written:
        for entry in entries:
            path = Path(entry.file_path)
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.read_text() if path.exists() else ""
            whole = entry.old_code is None
            path.write_text(entry.new_code if whole else before.replace(entry.old_code or "", entry.new_code))
    return backend.store_many(entries)


def _entries(home: Path, now: dt.datetime) -> Iterator[StorageEntry]:
    numbers = itertools.count(1)
    birds, weather = home / "fieldnotes", home / "weather-station"
    for root, path, old, new, days in (
        (birds, "birds/sightings.py", None, _SIGHTINGS, 68),
        (birds, "birds/distance.py", None, _DISTANCE_OLD, 68),
        (birds, "birds/tally.py", None, _SPECIES, 61),
        (birds, "tests/test_sightings.py", None, _TESTS, 60),
        (birds, "birds/distance.py", _DISTANCE_OLD, _DISTANCE, 40),
        (birds, "web/map.ts", None, _MAP, 33),
        (weather, "station/fetch.py", None, _RETRY, 25),
        (birds, "birds/sightings.py", _PARSE_OLD, _PARSE, 1),
    ):
        yield _entry(next(numbers), root, (path, old, new), now - dt.timedelta(days=days))
    chance = random.Random(11)  # noqa: S311  # the same every time
    for days in sorted({round(chance.triangular(0, 76, 8)) for _ in range(34)}):
        root = birds if chance.random() < 0.8 else weather
        paths = chance.choices(("birds/export.py", "web/layers.ts", "birds/calls.py", "README.md"), (8, 4, 3, 1), k=2)
        for minute in range(chance.randrange(1, 9)):
            number = next(numbers)
            path = paths[minute % 2] if root is birds else f"station/{paths[minute % 2].rpartition('/')[2]}"
            at = now - dt.timedelta(days=days, minutes=40 - 4 * minute)
            yield _entry(number, root, (path, _row(number - 2) if minute > 1 else None, _row(number)), at)


def _row(number: int) -> str:
    column = ("species", "seen_at", "place", "count", "observer", "weather")[number % 6]
    head = f'def column_{number % 6}(sighting):\n    """The column {column}."""\n'
    return f"{head}    return clean(sighting.{column}, {number})\n"


def _entry(number: int, root: Path, change: tuple[str, str | None, str], at: dt.datetime) -> StorageEntry:
    path, old, new = change
    project = project_of(str(root))
    session = uuid.uuid5(uuid.NAMESPACE_URL, f"session:{at.date()}")
    return StorageEntry(
        str(uuid.uuid5(uuid.NAMESPACE_URL, f"birds:{number}")),
        str(root / path),
        new,
        old,
        timestamp=at.isoformat(),
        session_id=str(session),
        content_hash=content_hash(new),
        metadata={
            "client": "claude-code",
            "tool": "Edit" if old else "Write",
            "change": "edit" if old else "write",
            "outcome": "ok",
            "project": project.id,
            "project_name": root.name,
            "branch": "main" if number % 5 else "winter-count",
        },
    )
