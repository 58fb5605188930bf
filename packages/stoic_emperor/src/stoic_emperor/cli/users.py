"""``stoic users``: who is known here, and letting people in where they cannot make an account by themselves."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from capsa.terminal import clean, json_option, table, write_json
from stoic_emperor.cli.terminal import application, note

if TYPE_CHECKING:
    from stoic_emperor.application import Application
    from stoic_emperor.hosting.accounts import Accounts


@click.group("users", invoke_without_command=True, epilog="\b\nExamples:\n  stoic users\n  stoic users add anna")
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List everybody whose memory is kept here; or let somebody in."""
    if context.invoked_subcommand is not None:
        return
    with application() as opened:
        everybody = opened.database.users()
    if as_json:
        write_json([user.model_dump(mode="json") for user in everybody])
        return
    table(("id", "name", "since"), [(u.id, u.name or "", f"{u.created_at:%Y-%m-%d}") for u in everybody])


@command.command("add", epilog="\b\nExample:\n  stoic users add anna@example.org --name Anna")
@click.argument("login")
@click.option("--name", help="How they want to be called.")
@json_option
def add(login: str, name: str | None, as_json: bool) -> int:
    """Make an account for the web. The password is asked for, or read from a pipe; they can change it there."""
    from stoic_emperor.hosting.recovery import Recovery

    with application() as opened:
        accounts = _accounts(opened)
        if accounts is None:
            return 1
        password = _new_password(login)
        account = accounts.register(login, password, name=name)
        codes = Recovery(opened.database).renew(account.user_id)
    if as_json:
        write_json({"id": account.user_id, "login": account.login, "codes": codes})
        return 0
    click.echo(f"{clean(account.login or '')} can sign in; the id is {account.user_id}.")
    click.echo("These codes each let them in once without the password, and are shown only now:")
    click.echo("\n".join(f"  {code}" for code in codes))
    return 0


@command.command("password", epilog="\b\nExample:\n  stoic users password anna@example.org")
@click.argument("login")
def password(login: str) -> int:
    """Give somebody another password who has lost theirs and the codes; every browser of theirs is signed out."""
    from stoic_emperor.hosting.sign_ins import SignIns

    with application() as opened:
        accounts = _accounts(opened)
        if accounts is None:
            return 1
        user_id = accounts.user_of(login)
        if user_id is None or accounts.account(user_id) is None:
            note(f"nobody signs in as {clean(login)!r}: stoic users lists who is known")
            return 1
        accounts.set_password(user_id, _new_password(login))
        accounts.unlock(login)
        SignIns(opened.database, lambda *_: "").end_all(user_id)
    click.echo("The password is changed, and every browser signed out.")
    return 0


def _accounts(opened: Application) -> Accounts | None:
    from stoic_emperor.hosting.accounts import Accounts

    try:
        from stoic_emperor.web.auth.passwords import Argon2
    except ModuleNotFoundError as error:
        if error.name != "argon2":
            raise
        note('accounts are for the web application, which is not installed: pip install "stoic-emperor[web]"')
        return None
    return Accounts(opened.database, Argon2())


def _new_password(login: str) -> str:
    """A password that is good enough.

    Raises:
        Unacceptable: it is not, or the login cannot be one.
    """
    from stoic_emperor.hosting.logins import check_login
    from stoic_emperor.web.auth.passwords import check_password

    check_login(login)
    if sys.stdin.isatty():
        given = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    check_password(given, login)
    return str(given)
