"""``stoic import``: texts for the library, and journals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from capsa.terminal import clean
from stoic_emperor.cli.terminal import Bar, application, note, user_option

if TYPE_CHECKING:
    from stoic_emperor.application import Application
    from stoic_emperor.library.importing import Tagger

#: Files that are named of many.
_NAMED = 5
_KINDS = ("stoic", "psychology", "journal")


@click.command(
    "import",
    epilog="""\b
Examples:
  stoic import ./data/stoic_texts
  stoic import stoic meditations.txt --author "Marcus Aurelius" --work Meditations
  stoic import journal ~/diary --user anna""",
)
@click.argument("words", nargs=-1, required=True, metavar="[stoic|psychology|journal] PATH")
@click.option("--author", help="Of the texts, where the files do not say.")
@click.option("--work", help="Of the texts, where the files do not say.")
@click.option("--tag/--no-tag", default=False, help="Have the model say what each passage is about.")
@click.option("--remove-gone", is_flag=True, help="Of a folder: take out files that are not in it any more.")
@user_option
@click.option("--analyze", is_flag=True, help="Of a journal: write a portrait afterwards.")
def command(
    words: tuple[str, ...],
    *,
    author: str | None,
    work: str | None,
    tag: bool,
    remove_gone: bool,
    user_id: str,
    analyze: bool,
) -> int:
    """Bring .txt, .md and .epub texts into the library, or a journal into somebody's memory.

    What is there already is left as it is, so the same command can be given again.
    """
    from stoic_emperor.library import Outcome

    kind, path = ("stoic", words[0]) if len(words) == 1 else (words[0], words[1])
    if len(words) > 2 or kind not in _KINDS:
        raise click.UsageError(f"give a path, or one of {', '.join(_KINDS)} and a path")
    with application() as opened:
        if kind == "journal":
            return _journal(opened, user_id, Path(path).expanduser(), analyze=analyze)
        library = opened.library if kind == "stoic" else opened.psychology
        report = library.import_path(
            path,
            author=author,
            work=work,
            tagger=_tagger(opened) if tag else None,
            remove_gone=remove_gone,
            progress=Bar("importing"),
        )
    for line in report.lines():
        click.echo(clean(line))
    if report.of(Outcome.GONE):
        note("the same command with --remove-gone takes out what is not in the folder any more")
    return 1 if report.failed else 0


def _tagger(opened: Application) -> Tagger | None:
    if opened.light_model is None:
        note("no language model is configured: the texts are imported without tags")
        return None
    from stoic_emperor.library.tagging import tagger_of

    return tagger_of(opened.light_model)


def _journal(opened: Application, user_id: str, path: Path, *, analyze: bool) -> int:
    from stoic_emperor.journal import import_journal

    person = opened.database.person(user_id)
    person.ensure()
    report = import_journal(person, opened.recall(user_id), opened.companion.desk, path, Bar("importing"))
    click.echo(f"{len(report.imported)} imported, {len(report.unchanged)} there already.")
    if report.card is not None:
        click.echo(f"\n{report.card.as_text()}\n")
    for name, reason in report.failed:
        note(f"{_shown(name)} was not imported: {reason}")
    for name, session_id in report.changed:
        erase = f"stoic forget {session_id[:8]} --user {user_id}"
        note(f"{_shown(name)} was imported before with another text, which stays: {erase} erases it")
    if report.passed_over:
        more = len(report.passed_over) - _NAMED
        names = ", ".join(map(_shown, report.passed_over[:_NAMED])) + (f" and {more} more" if more > 0 else "")
        note(f"passed over, as a journal is .md or .txt: {names}")
    if analyze:
        from stoic_emperor.cli.analyze import command as write_portrait

        click.get_current_context().invoke(write_portrait, user_id=user_id, force=True, show=False, as_json=False)
    return 1 if report.failed else 0


def _shown(name: str) -> str:
    return clean(name).replace("\n", "\N{REPLACEMENT CHARACTER}")
