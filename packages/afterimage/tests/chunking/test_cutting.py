"""Code is cut at its definitions in eight languages, whole files and fragments, and never without bounds."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterimage.chunking import cut, languages
from afterimage.chunking.cutting import MOST_UNITS

_MEMBERS = "\n".join(f"    pad_{n} = 'a line to make the class longer than what is read at once'" for n in range(20))

PYTHON = f'''import os

LIMIT = {{"first": 1, "second": 2}}


# Why it is there.
@cached
def load(path):
    """Read a file."""
    def inner():
        return path
    return inner


class Parser(Base):
    """Reads things."""

{_MEMBERS}

    @property
    def read(self):
        return self.text

    async def close(self):
        self.done = True


if TYPE_CHECKING:
    def hidden() -> None: ...
'''

TYPESCRIPT = (
    """import { x } from "y";
/** Doc of load. */
export function load(path: string): string { return path; }
export const later = async (a: number) => {
  return a + 1;
};
const settings = { first: 1, second: "a text that is long enough" };
export default class Store<T> {
  private value = 1;
"""
    + "\n".join(f"  // a comment that makes the class longer than what is read at once, {n}" for n in range(20))
    + """
  constructor(private a: string) { super(); }
  async read(id: string): Promise<T> { return fetchIt(id); }
}
interface Shape { kind: string }
"""
)

GO = """package main

// Read reads.
func (p *Parser) Read(n int) (int, error) { return n, nil }
func main() { fmt.Println("hello") }
type Parser struct { a int }
"""

RUST = (
    """/// What it is.
#[derive(Debug)]
pub struct Parser { a: i32 }
impl Parser {
"""
    + "\n".join(f"    // a comment that makes the block longer than what is read at once, {n}" for n in range(20))
    + """
    const LEAST_OF_ALL_THE_THINGS: i32 = 1;

    /// Reads.
    pub fn read(&self) -> i32 { self.a }
}
fn main() { println!("hello"); }
"""
)

JAVA = (
    """package a.b;
/** What it is. */
public class Parser extends Base {
  private int value = 1;
"""
    + "\n".join(f"  // a comment that makes the class longer than what is read at once, {n}" for n in range(20))
    + """
  int pad = 1;

  /** Makes one. */
  public Parser(int x) { this.value = x; }
  @Override
  public int read(String a) { return value; }
}
"""
)

C = """#include <stdio.h>
#ifdef LATER
static int helper(int a) { return a + 100; }
#endif
struct point { int x; int y; };
/* Finds one. */
int *
find_it(struct point *p, int n)
{
    return &p[n].x;
}
"""

CPP = (
    """#include <vector>
namespace shapes {
template <typename T>
class Box : public Base {
 public:
"""
    + "\n".join(f"  int pad_{n};  // which makes the class longer than what is read at once" for n in range(20))
    + """
  T get() const { return v_; }
};
void Box::run() { while (true) { step(); } }
}
"""
)


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        (
            "a.py",
            PYTHON,
            [
                "function load 6-12",
                "class Parser 15-37",
                "method Parser.read 39-41",
                "method Parser.close 43-44",
                "function hidden 48-48",
            ],
        ),
        (
            "a.ts",
            TYPESCRIPT,
            [
                "function load 2-3",
                "function later 4-6",
                "class Store 8-9",
                "method Store.constructor 10-30",
                "method Store.read 31-31",
                "type Shape 33-33",
            ],
        ),
        ("a.go", GO, ["method Parser.Read 3-4", "function main 5-5", "type Parser 6-6"]),
        ("a.rs", RUST, ["type Parser 1-3", "class Parser 4-25", "method Parser.read 27-28", "function main 30-30"]),
        ("a.java", JAVA, ["class Parser 2-25", "method Parser.Parser 27-28", "method Parser.read 29-30"]),
        ("a.c", C, ["function helper 3-3", "type point 5-5", "function find_it 6-11"]),
        ("a.h", CPP, ["class shapes.Box 3-25", "method shapes.Box.get 26-26", "method shapes.Box.run 28-28"]),
        (
            "a.jsx",
            "function A() { return <p>hello</p>; }\nclass B { c() { return 1; } }",
            ["function A 1-1", "class B 2-2"],
        ),
    ],
)
def test_every_language_is_cut_at_its_definitions(path: str, text: str, found: list[str]) -> None:
    units = cut(path, text).units
    assert [f"{u.kind} {u.name} {u.first}-{u.last}" for u in units if u.name] == found
    lines = text.split("\n")
    assert all(u.text == "\n".join(lines[u.first - 1 : u.last]) for u in units)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "a.py",
            "        return self.a\n\n    def one(self):\n        return 1\n\n    def two(self):\n        return 2\n",
        ),
        ("a.ts", "  async one(a: A): Promise<B> {\n    return a;\n  }\n\n  two() {\n    return 2;\n  }\n"),
        (
            "a.java",
            "    int one(A a) {\n        return 1;\n    }\n\n    @Override\n    int two() { return 2; }\n",
        ),
        ("a.rs", "    pub fn one(&self) -> i32 {\n        1\n    }\n\n    fn two(&mut self) {}\n"),
        ("a.cpp", "  T one(const A& a) const {\n    return a;\n  }\n\n  int two() { return 2; }\n"),
        ("a.go", "func (p *P) one() int {\n\treturn 1\n}\n\nfunc two() {}\n"),
    ],
)
def test_a_fragment_is_cut_as_well_as_it_can_be(path: str, text: str) -> None:
    names = [unit.name.rpartition(".")[2] for unit in cut(path, text).units if unit.name]
    assert names == ["one", "two"]


PROSE = "# Title\n\n" + "\n\n".join(
    f"Paragraph {n} " + "says something about the matter at hand. " * 8 for n in range(9)
)


@pytest.mark.parametrize(
    ("path", "text"), [("a.md", PROSE), ("noending", PROSE), ("a.py", ")))) ((( def x ::: = %\n" * 90)]
)
def test_what_has_no_grammar_or_makes_no_sense_is_cut_at_blank_lines(path: str, text: str) -> None:
    found = cut(path, text)
    assert found.language == ""
    assert {unit.kind for unit in found.units} == {"block"}
    assert all(len(unit.text) < 2_000 for unit in found.units)


def test_without_the_extra_it_is_cut_at_blank_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert languages.missing() == ()
    monkeypatch.setattr(languages, "_grammar", lambda package, function: None)
    assert "python" in languages.missing()
    found = cut("a.py", PYTHON)
    assert (found.language, {unit.kind for unit in found.units}) == ("", {"block"})


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "def f():\n    return 1\n\n" * 40_000),
        ("a.js", "function a(){" * 5_000 + "}" * 5_000),
        ("a.js", "(" * 100_000),
        ("a.js", "var a=1;" * 120_000),
        ("a.py", "".join(" " * n + f"class C{n}:\n" for n in range(300))),
        ("a.py", "} { ) ( def class : @ " * 20_000),
        ("a.txt", "\n" * 1_000_000),
    ],
)
def test_nothing_is_too_much(path: str, text: str) -> None:
    started = time.process_time()
    units = cut(path, text).units
    assert len(units) <= MOST_UNITS
    assert time.process_time() - started < 5
    assert sum(len(unit.text) for unit in units) <= len(text)


@given(
    st.sampled_from(["a.py", "a.ts", "a.go", "a.rs", "a.java", "a.c", "a.cpp", "a.txt"]),
    st.lists(st.sampled_from([*PYTHON.split("\n"), *CPP.split("\n"), "\ud800", "\0", "日本", "}", "class A {"])),
)
def test_units_stand_in_their_order_and_never_over_each_other(path: str, lines: list[str]) -> None:
    text = "\n".join(lines)
    last = 0
    for unit in cut(path, text).units:
        assert last < unit.first <= unit.last <= len(lines)
        assert unit.text == "\n".join(lines[unit.first - 1 : unit.last])
        last = unit.last
