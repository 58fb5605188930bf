"""An edit inside a private block has no tags: its place in the file tells that it is private."""

import json
from pathlib import Path
from typing import Any

import pytest

from afterimage.hook.payloads import read
from afterimage.hook.private import outside
from afterimage.testing_hooks import Hooks

#: As it is after an edit, which wrote TIGER inside of the block or CAT outside of it.
NOW = """import zoo

# <private>
keeper = "anna"
beast = "TIGER"
# </private>

pet = "CAT"
"""
BEFORE = NOW.replace("TIGER", "LION").replace("CAT", "DOG")
INSIDE = {"old_string": 'beast = "LION"', "new_string": 'beast = "TIGER"'}
OUTSIDE = {"old_string": 'pet = "DOG"', "new_string": 'pet = "CAT"'}
GONE = {"old_string": "[private]", "new_string": "[private]"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "zoo.py"
    path.write_text(NOW)
    return path


def kept(file: Path, given: dict[str, Any], tool: str = "Edit", client: str = "claude-code", **more: Any) -> Any:
    event = read(
        client,
        {"hook_event_name": "PostToolUse", "cwd": str(file.parent), "tool_name": tool, "tool_input": given, **more},
    )
    assert event is not None
    return outside(event, given)


def edited(file: Path, edit: dict[str, Any], **more: Any) -> Any:
    found = kept(file, {"file_path": str(file), **edit}, **more)
    assert found.pop("file_path") == str(file)
    return found


def test_an_edit_inside_of_a_block_goes_and_one_outside_of_it_stays(file: Path) -> None:
    assert edited(file, INSIDE) == GONE
    assert edited(file, OUTSIDE) == OUTSIDE


def test_it_is_known_by_what_it_replaced_where_the_client_tells_what_was_there(file: Path) -> None:
    # Something formatted the file since, so what was written is nowhere in it.
    file.write_text(NOW.replace("TIGER", "tiger").replace("CAT", "cat"))
    was = {"tool_response": {"originalFile": BEFORE}}
    assert edited(file, INSIDE, **was) == GONE
    assert edited(file, OUTSIDE, **was) == OUTSIDE
    assert edited(file, {"old_string": 'pet = "DOG"\n', "new_string": ""}, **was)["old_string"] == 'pet = "DOG"\n'


def test_where_its_place_cannot_be_told_it_is_taken_for_private(file: Path) -> None:
    assert edited(file, {"old_string": "beast = 1\n", "new_string": ""}) == {
        "old_string": "[private]",
        "new_string": "",
    }
    assert edited(file, {"old_string": "a", "new_string": "formatted since"}) == GONE
    assert edited(file, {"old_string": "a", "new_string": '"'}) == GONE, "it stands there, too"
    file.write_text("x" * 200 + NOW)
    assert edited(file, {"old_string": "a", "new_string": "x"}) == GONE, "there are too many places"


def test_a_file_without_a_block_costs_nothing(file: Path) -> None:
    file.write_text(NOW.replace("<private>", "").replace("</private>", "private: <T>"))
    for edit in (INSIDE, {"old_string": "a", "new_string": "nowhere"}):
        assert edited(file, edit) == edit
    file.unlink()
    assert edited(file, INSIDE) == INSIDE


def test_an_edit_that_makes_or_holds_a_block_has_its_tags_itself(file: Path) -> None:
    edit = {"old_string": "x", "new_string": NOW}
    assert edited(file, edit) == edit
    assert edited(file, edit, tool_response={"originalFile": "x"}) == edit


def test_lines_may_end_as_they_like(file: Path) -> None:
    file.write_bytes(NOW.replace("\n", "\r\n").encode())
    assert edited(file, {"old_string": "a", "new_string": 'keeper = "anna"\nbeast = "TIGER"'}) == GONE
    assert edited(file, {"old_string": "a", "new_string": '\n\npet = "CAT"'})["old_string"] == "a"


def test_each_of_several_edits_is_judged_by_itself(file: Path) -> None:
    given = {"file_path": str(file), "edits": [INSIDE, OUTSIDE, "unheard of"]}
    assert kept(file, given, "MultiEdit")["edits"] == [GONE, OUTSIDE, "unheard of"]


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("Write", {"file_path": "zoo.py", "content": "beast = 2"}),
        ("NotebookEdit", {"notebook_path": "zoo.py", "new_source": "beast = 2"}),
    ],
)
def test_what_is_written_as_a_whole_has_its_tags_itself(file: Path, tool: str, given: dict[str, str]) -> None:
    assert kept(file, given, tool) == given


PATCH = """*** Begin Patch
*** Update File: zoo.py
@@ keeper = "anna"
-beast = "LION"
+beast = "TIGER"
@@
-pet = "DOG"
+pet = "CAT"
*** Add File: other.py
+beast = "TIGER"
*** End Patch"""


def test_of_a_patch_the_hunks_go_that_are_inside(file: Path) -> None:
    said = PATCH.replace('@@ keeper = "anna"\n-beast = "LION"\n+beast = "TIGER"', "@@\n+[private]")
    assert kept(file, {"command": PATCH}, "apply_patch", "codex") == {"command": said}
    file.write_text(NOW.replace("private", "public"))
    assert kept(file, {"command": PATCH}, "apply_patch", "codex") == {"command": PATCH}


def test_nothing_of_it_reaches_the_spool(hooks: Hooks) -> None:
    path = hooks.project / "zoo.py"
    path.write_text(NOW)
    for edit in (INSIDE, OUTSIDE):
        hooks.write(tool_name="Edit", tool_input={"file_path": str(path), **edit})
    inside, outside_ = [json.loads(noted.read_text())["input"] for noted in hooks.spooled()]
    assert inside == {"file_path": str(path), **GONE}
    assert outside_ == {"file_path": str(path), **OUTSIDE}
