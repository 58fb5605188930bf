from pathlib import Path

import pytest

from afterimage._bashrc import exported


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('export P="yourpassword"', "yourpassword"),
        ("export P=plain", "plain"),
        ("export P='p@ss/w:rd#1 $x `y`'", "p@ss/w:rd#1 $x `y`"),
        ('export P="p@ss/w:rd#1"', "p@ss/w:rd#1"),
        ("export P=p#1", "p#1"),
        ("export P=abc # it's the server's", "abc"),
        ("export P=abc; echo hello", "abc"),
        ("  export P=abc", "abc"),
        (r'export P="a\$b\"c"', 'a$b"c'),
        ("export P='ü 日本'", "ü 日本"),
        ("export P=first\nexport P=second", "second"),
        # Only a shell could tell these.
        ("export P=$(pass show db)", None),
        ('export P="$OTHER"', None),
        ("export P=`cat f`", None),
        # These set nothing, or not this.
        ("export P=", None),
        ("export P=''", None),
        ("export P= # none", None),
        ("# export P=x", None),
        ("P=x", None),
        ("export PP=x", None),
        ('export P="unclosed', None),
    ],
)
def test_only_a_literal_value_is_taken(tmp_path: Path, line: str, value: str | None) -> None:
    file = tmp_path / ".bashrc"
    file.write_text(f"alias ll='ls -l'\n{line}\n", "utf-8")
    assert exported(file, "P") == value


def test_nothing_is_run(tmp_path: Path) -> None:
    file = tmp_path / ".bashrc"
    file.write_text(f"export P=$(touch {tmp_path}/run)\nexport P=x$(touch {tmp_path}/run)\n")
    assert exported(file, "P") is None
    assert not (tmp_path / "run").exists()


def test_a_missing_file_exports_nothing(tmp_path: Path) -> None:
    assert exported(tmp_path / ".bashrc", "P") is None
