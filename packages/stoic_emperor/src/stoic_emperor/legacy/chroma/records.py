"""What comes out of a Chroma directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: What Chroma takes as metadata; 1.5 knows lists too.
Scalar = str | int | float | bool | None
MetadataValue = Scalar | list[Scalar]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChromaCollection:
    """A collection, as the directory describes it."""

    id: str
    name: str
    tenant: str
    database: str
    #: Numbers of a vector; None before the first one.
    dimension: int | None
    #: "l2" (squared), "cosine" or "ip".
    space: str
    #: Records, as Chroma counts them.
    count: int
    #: What was noted on the collection itself.
    metadata: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def is_default(self) -> bool:
        """Whether it is where everything goes that names no tenant or database."""
        return (self.tenant, self.database) == ("default_tenant", "default_database")


@dataclass(frozen=True, kw_only=True, slots=True)
class ChromaRecord:
    """A record."""

    #: Where it stands in the order of reading; the same in every snapshot as long as the record lives.
    key: int
    id: str
    document: str | None
    #: Without Chroma's own key of the document.
    metadata: Mapping[str, MetadataValue]
    #: float32, little-endian, bit for bit; None if Chroma does not have it.
    vector: bytes | None
    #: As stored: 'YYYY-MM-DD HH:MM:SS' in UTC.
    created_at: str | None = None
    #: What is wrong with the vector, if anything is.
    flaw: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unreadable:
    """Something in the directory that Chroma itself could not give back."""

    key: int
    id: str
    reason: str
    #: Whether it is a record that cannot be understood; else it is a vector that no record belongs to, such as
    #: Chroma 0.5 and 0.6 leave behind when a record is changed and deleted in one batch.
    is_record: bool
    #: What there is of it.
    vector: bytes | None = None
    created_at: str | None = None
