"""The functions in code of any language, whole or in part, each with its text."""

import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterimage.churn.functions import functions_in

PYTHON = """
import os

class Clock:
    @property
    def now(self):
        return 1

    async def tick(self):
        def inner():
            return 2
        return inner

    class Hand:
        def move(self): pass

if os.name == "nt":
    def windows():
        pass
else:
    def posix():
        pass
"""


def test_pythons_functions_are_named_by_their_class() -> None:
    found = functions_in("/p/clock.py", PYTHON)
    assert list(found) == ["Clock.now", "Clock.tick", "Clock.Hand.move", "windows", "posix"]
    assert found["Clock.now"].startswith("@property\ndef now(self):")
    assert "inner" in found["Clock.tick"]


def test_a_part_of_python_is_read_by_its_lines() -> None:
    part = (
        "        return 1\n\n    async def later(self,\n                    more):\n        x = 1\n\n    def after(self"
    )
    found = functions_in("/p/a.py", part)
    assert found == {
        "later": "async def later(self,\n                more):\n    x = 1",
        "after": "def after(self",
    }


OTHERS = {
    "a.js": """
export async function load(path) {
  return 1;
}

const save = async (path, { deep }) => {
  if (x) {
    write();
  }
};

class Shelf {
  constructor(a) {
    this.a = a;
  }

  put(book) {
    books.map((b) => {
      return b;
    });
  }
}

it('works', () => {
  load();
});
""",
    "a.ts": """
export const parse = (text: string): number => {
  return 1;
};

export class A {
  private async run<T>(x: T): Promise<T> {
    return x;
  }
}
""",
    "a.go": """
func New() *Shelf {
    return nil
}

func (s *Shelf) Put(b Book) error {
    return nil
}
""",
    "a.rs": """
impl Shelf {
    pub async fn put<T: Into<Book>>(&mut self, b: T) -> Result<()> {
        Ok(())
    }
}

fn main() {}
""",
    "A.java": """
public class A {
    @Override
    public static int sum(int a,
            int b) throws E {
        for (int i = 0; i < a; i++) {
            b++;
        }
        return b;
    }
}
""",
    "a.c": """
static int
add(int a, int b)
{
    return a + b;
}

int sub(int a, int b);

int sub(int a, int b)
{
    while (a) {
        a--;
    }
    return add(a, b);
}
""",
    "a.rb": """
class A
  def go!(x)
    y do
      1
    end
  end

  def stop
  end
end
""",
    "a.sh": """
start() {
  echo 1
}

function stop {
  echo 2
}
""",
    "a.md": """
def f():
    pass
""",
    "Makefile": """
all:
    make x
""",
}
NAMES = {
    "a.js": ["load", "save", "constructor", "put"],
    "a.ts": ["parse", "run"],
    "a.go": ["New", "Put"],
    "a.rs": ["put", "main"],
    "A.java": ["sum"],
    "a.c": ["add", "sub"],
    "a.rb": ["go!", "stop"],
    "a.sh": ["start", "stop"],
    "a.md": [],
    "Makefile": [],
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_languages_are_read_by_their_lines(name: str) -> None:
    assert list(functions_in(f"/p/{name}", OTHERS[name])) == NAMES[name]


def test_a_function_ends_where_it_ends() -> None:
    found = functions_in("/p/a.c", OTHERS["a.c"])
    assert found["sub"].startswith("int sub(int a, int b)\n{")
    assert found["sub"].endswith("return add(a, b);\n}")


def test_what_several_have_for_a_name_is_one_function() -> None:
    code = (
        "class A:\n    @property\n    def x(self): return 1\n\n    @x.setter\n    def x(self, value): self.y = value\n"
    )
    first = functions_in("a.py", code)
    assert list(first) == ["A.x"]
    assert functions_in("a.py", code.replace("return 1", "return 2")) != first
    assert functions_in("a.py", code.replace("= value", "= 0")) != first


def test_moving_a_function_deeper_changes_nothing() -> None:
    deeper = "class A:\n    def f(self):\n        return 1   \n"
    assert functions_in("a.py", deeper)["A.f"] == functions_in("a.py", "def f(self):\n    return 1\n")["f"]


def test_both_ways_agree_on_the_standard_library() -> None:
    folder = Path(sysconfig.get_paths()["stdlib"])
    for name in ("textwrap.py", "shlex.py", "csv.py", "queue.py"):
        code = (folder / name).read_text()
        parsed = {name.rpartition(".")[2] for name in functions_in(name, code)}
        by_lines = set(functions_in(name, f"{code}\n  :)"))
        assert parsed - {"f"} <= by_lines


@given(st.sampled_from(["py", "js", "c", "rb"]), st.text(alphabet="fn de(){}=>;:,\n\t xA_", max_size=300))
def test_nothing_that_is_written_makes_it_fail(ending: str, code: str) -> None:
    assert isinstance(functions_in(f"a.{ending}", code), dict)


@pytest.mark.parametrize("line", ["a " * 200, "(" * 400, "f(" * 200, "a: " * 130, "const a" + "=" * 300, "* & " * 90])
def test_a_hostile_line_costs_no_time(line: str) -> None:
    import time

    started = time.process_time()
    functions_in("a.js", f"{line}\n" * 200)
    assert time.process_time() - started < 2
