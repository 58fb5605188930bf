"""Patches in every form that a client gives them."""

import pytest

from afterimage.hook.patches import folder_of, patch_of, rewritten, sections

PATCH = """*** Begin Patch
*** Add File: a.py
+one
+*** End Patch
*** Update File: secret/b.py
*** Move to: b.py
@@ def f
-two
+three
*** End of File
*** Delete File: c.py
*** End Patch"""


def test_a_patch_has_its_files_in_their_order() -> None:
    found = sections(patch_of("apply_patch", {"command": f"before\n{PATCH}\nafter"}))
    assert [(one.path, one.kind, one.moved_to, len(one.lines)) for one in found] == [
        ("a.py", "write", "", 3),
        ("secret/b.py", "edit", "b.py", 6),
        ("c.py", "delete", "", 1),
    ]
    assert [one.target for one in found] == ["a.py", "b.py", "c.py"]


@pytest.mark.parametrize(
    ("tool", "command", "is_one"),
    [
        ("apply_patch", PATCH, True),
        ("Bash", f"apply_patch <<'EOF'\n{PATCH}\nEOF", True),
        ("Bash", ["bash", "-lc", f"applypatch <<'EOF'\n{PATCH}\nEOF"], True),
        ("Bash", f"cat > fix.patch <<'EOF'\n{PATCH}\nEOF", False),
        ("Bash", "ls", False),
    ],
)
def test_a_shell_may_apply_one_or_just_write_it_down(tool: str, command: object, *, is_one: bool) -> None:
    assert bool(patch_of(tool, {"command": command})) == is_one


@pytest.mark.parametrize("shell", [False, True])
def test_a_file_is_cut_out_and_what_is_around_it_stays(*, shell: bool) -> None:
    before, after = ("apply_patch <<'EOF'\n", "\nEOF\n") if shell else ("", "")
    given = {"command": ["bash", "-lc", before + PATCH + after], "workdir": "x"}
    kept = rewritten(given, lambda section: section.lines if section.target != "b.py" else [])
    (_, _, text) = kept["command"]
    assert text.startswith(f"{before}*** Begin Patch\n*** Add File: a.py\n+one\n")
    assert text.endswith(f"*** Delete File: c.py\n*** End Patch{after}")
    assert "three" not in text
    assert "secret" not in text
    assert kept["workdir"] == "x"
    assert rewritten(given, lambda section: section.lines) == given


def test_a_second_patch_does_not_bring_back_what_was_cut_out() -> None:
    kept = rewritten({"input": f"{PATCH}\n{PATCH}"}, lambda _: [])
    assert "one" not in kept["input"]


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ({"command": PATCH}, "/p"),
        ({"command": PATCH, "workdir": "sub"}, "/p/sub"),
        ({"command": f"cd sub && apply_patch <<'EOF'\n{PATCH}"}, "/p/sub"),
        ({"command": f"cd  /q/x  &&  applypatch <<'EOF'\n{PATCH}"}, "/q/x"),
        ({"command": f"cd 'my dir' && apply_patch <<'EOF'\n{PATCH}"}, "/p/my dir"),
        ({"command": ["bash", "-lc", f'cd "my dir" && apply_patch <<EOF\n{PATCH}']}, "/p/my dir"),
        ({"command": f"bash -lc 'cd sub && apply_patch <<EOF\n{PATCH}"}, "/p/sub"),
        ({"command": f"ls; cd sub; apply_patch <<EOF\n{PATCH}"}, "/p"),
        ({"command": f"abcd sub && apply_patch <<EOF\n{PATCH}"}, "/p"),
        ({"command": f"make sub && apply_patch <<EOF\n{PATCH}"}, "/p"),
        ({"command": PATCH.replace("one", "cd x && apply_patch")}, "/p"),
    ],
)
def test_its_paths_are_seen_from_where_the_call_goes(given: dict[str, object], folder: str) -> None:
    assert folder_of(given, "/p") == folder
