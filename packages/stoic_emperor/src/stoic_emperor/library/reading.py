"""Path -> document, by the kind of file."""

from __future__ import annotations

import os
from pathlib import Path

from stoic_emperor.errors import NotAText, TextMissing
from stoic_emperor.library.documents import Document, decode, read_bytes
from stoic_emperor.library.epub import read_epub
from stoic_emperor.library.markdown import read_markdown
from stoic_emperor.library.plain_text import read_plain_text
from stoic_emperor.library.reflections import is_reflections, read_reflections

#: What the library reads.
SUFFIXES = (".txt", ".md", ".markdown", ".epub")


def find_files(path: Path) -> tuple[list[Path], list[tuple[Path, str]]]:
    """The files to import at ``path``, and those that lie there but are not for it, with the reason.

    Raises:
        TextMissing: there is nothing.
    """
    if not path.exists():
        raise TextMissing(f"there is no file or folder at {path}: nothing was imported")
    if not path.is_dir():
        return [path], []
    files: list[Path] = []
    left: list[tuple[Path, str]] = []
    # Links to folders are not followed: one of them may lead back up.
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder, name)
            if name.startswith("."):
                continue
            if file.is_symlink() and not file.resolve().is_relative_to(path.resolve()):
                left.append((file, "it is a link that leads out of the folder"))
            elif file.suffix.lower() not in SUFFIXES:
                left.append((file, f"not one of {', '.join(SUFFIXES)}"))
            elif file.stem.casefold() == "readme":
                left.append((file, "it is about the folder"))
            else:
                files.append(file)
    return files, left


def read_document(path: Path) -> Document:
    """The text of a file.

    Raises:
        TextUnreadable: or one of its kinds: it holds no text that the library can take.
    """
    if not path.is_file():
        raise NotAText("it is no regular file")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise NotAText(f"it is not one of {', '.join(SUFFIXES)}")
    content = read_bytes(path)
    if suffix == ".epub":
        return read_epub(content)
    decoded = decode(content)
    if suffix == ".txt":
        return read_plain_text(decoded)
    return read_reflections(decoded) if is_reflections(decoded.text) else read_markdown(decoded)
