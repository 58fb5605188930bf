"""The definitions in a text, by tree-sitter: where each begins and ends, and what it is called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from afterimage.chunking.blocks import blocks, trimmed
from afterimage.chunking.languages import ATTACHED, TRANSPARENT, WRAPPERS, Language, grammar_of
from afterimage.chunking.units import Span

if TYPE_CHECKING:
    from tree_sitter import Node

#: Characters of a class that stays whole: the model reads all of it.
_WHOLE = 1_000
#: How deep definitions are looked for; what is deeper belongs to what it stands in.
_DEEPEST = 12
#: The share of a text that may make no sense to the grammar, and the nodes looked at to find that out.
_MOST_WRONG = 0.25
_LOOKED_AT = 5_000
_MOST_NAME = 200


def spans(language: Language, lines: Sequence[str]) -> list[Span] | None:
    """The units of a text by its lines; None without the grammar, or where it makes no sense of the text."""
    root = _tree(language, _level(lines))
    if root is None:
        return None
    return list(_Walk(language, lines).inside(root, Span("", "block", 1, len(lines)), 0))


def _level(lines: Sequence[str]) -> str:
    """The lines as far left as they go: a method that was edited begins within its class. They stay as many."""
    filled = [line for line in lines if line.strip()]
    margin = min((len(line) - len(line.lstrip(" \t")) for line in filled), default=0)
    if not margin:
        return "\n".join(lines)
    return "\n".join(line[margin:] for line in lines)


def _tree(language: Language, text: str) -> Node | None:
    grammar = grammar_of(language)
    if grammar is None:
        return None
    from tree_sitter import Parser

    def parse(source: str) -> tuple[float, Node]:
        root = Parser(grammar).parse(source.encode("utf-8", "replace")).root_node
        return _wrong(root), root

    wrong, root = parse(text)
    if wrong and language.shell is not None:
        before, after = language.shell
        # On the line that is there, so that lines keep their numbers.
        shelled, other = parse(f"{before}{text}{after}")
        if shelled < wrong:
            inner = _body(other)
            wrong, root = (shelled, inner) if inner is not None else (wrong, root)
    return root if wrong <= _MOST_WRONG else None


def _body(root: Node) -> Node | None:
    """What stands in the shell."""
    for child in root.named_children:
        body = child.child_by_field_name("body")
        if body is not None:
            return body
    return None


def _wrong(root: Node) -> float:
    """The share of a tree's bytes that made no sense."""
    if not root.has_error:
        return 0.0
    total = max(root.end_byte - root.start_byte, 1)
    wrong = looked_at = 0
    waiting = [root]
    while waiting:
        node = waiting.pop()
        looked_at += 1
        if looked_at > _LOOKED_AT:
            return 1.0
        if node.is_error:
            wrong += node.end_byte - node.start_byte
        elif node.is_missing:
            wrong += 1
        elif node.has_error:
            waiting.extend(node.children)
    return wrong / total


class _Walk:
    """One walk over a tree."""

    def __init__(self, language: Language, lines: Sequence[str]) -> None:
        self._language = language
        self._lines = lines

    def inside(self, node: Node, around: Span, depth: int) -> Iterator[Span]:
        """The units in ``around``: the definitions in ``node``, and the lines between them as its own."""
        at = around.first
        for begin, definition in self._definitions(node, depth):
            first, last = max(begin, at), min(definition.end_point[0] + 1, around.last)
            if first <= last:
                yield from self._between(replace(around, first=at, last=first - 1))
                yield from self._unit(definition, replace(around, first=first, last=last), depth + 1)
                at = last + 1
        yield from self._between(replace(around, first=at))

    def _between(self, lines: Span) -> Iterator[Span]:
        if lines.kind == "block":
            yield from blocks(self._lines, lines.first, lines.last)
        else:
            yield from trimmed(self._lines, lines)

    def _unit(self, definition: Node, lines: Span, depth: int) -> Iterator[Span]:
        """The units of a definition that stands in ``lines`` of what they name."""
        node = _unwrapped(definition)
        name = ".".join(part for part in (lines.name, _name(node)) if part)[:_MOST_NAME]
        container = self._language.containers.get(node.type)
        body = node.child_by_field_name("body")
        size = sum(len(line) + 1 for line in self._lines[lines.first - 1 : lines.last])
        if container is not None and body is not None and size > _WHOLE and depth < _DEEPEST:
            yield from self.inside(body, replace(lines, name=name, kind=container), depth)
            return
        kind = container or self._language.units.get(node.type, "block")
        # However short: it has a name.
        yield replace(lines, name=name, kind="method" if kind == "function" and lines.name else kind)

    def _definitions(self, node: Node, depth: int) -> Iterator[tuple[int, Node]]:
        """The definitions that stand in ``node``, each with the line at which it or what belongs to it begins."""
        begin: int | None = None
        upto = -1
        for child in node.children:
            row, end = child.start_point[0] + 1, child.end_point[0] + 1
            attached = child.type in ATTACHED
            # Not over it without a gap, or at the end of a line of something else.
            if begin is None or row > upto + 1 or (attached and row == upto):
                begin = None if attached and row == upto else row
            if self._is_definition(child):
                yield begin or row, child
            elif child.type in TRANSPARENT and depth < _DEEPEST:
                yield from self._definitions(child, depth + 1)
            if not attached:
                begin = None
            upto = end - (child.end_point[1] == 0)

    def _is_definition(self, node: Node) -> bool:
        inner = _unwrapped(node)
        if inner.type in {"lexical_declaration", "variable_declaration"}:
            return _function_in(inner) is not None
        if inner.type.endswith("_specifier") and inner.child_by_field_name("body") is None:
            return False
        return inner.type in self._language.units or inner.type in self._language.containers


def _unwrapped(node: Node) -> Node:
    """The definition in what stands around it: decorators, `export`, `template`; a C type in its declaration."""
    for _ in range(3):
        inner: Node | None = None
        if node.type in WRAPPERS:
            inner = node.child_by_field_name("definition") or node.child_by_field_name("declaration")
            inner = inner or next((child for child in reversed(node.named_children) if child.type != "comment"), None)
        elif node.type in {"declaration", "field_declaration"}:
            kind = node.child_by_field_name("type")
            if kind is not None and kind.type.endswith("_specifier"):
                inner = kind
        elif node.type == "expression_statement":
            inner = next((child for child in node.named_children if child.type == "internal_module"), None)
        if inner is None:
            break
        node = inner
    return node


def _function_in(declaration: Node) -> Node | None:
    """The variable of a declaration that holds a function: ``const f = () => ...``."""
    for child in declaration.named_children:
        value = child.child_by_field_name("value") if child.type == "variable_declarator" else None
        if value is not None and value.type in {"arrow_function", "function_expression", "function", "class"}:
            return child
    return None


def _name(node: Node) -> str:
    """What a definition is called, in so many letters; nothing if it has no name."""
    holder = _function_in(node) if node.type in {"lexical_declaration", "variable_declaration"} else node
    named = (holder or node).child_by_field_name("name")
    if named is None and node.type == "type_declaration":
        spec = next((child for child in node.named_children if child.type in {"type_spec", "type_alias"}), None)
        named = spec.child_by_field_name("name") if spec is not None else None
    if named is None and node.type == "impl_item":
        named = node.child_by_field_name("type")
    if named is None:
        named = _declared(node)
    name = _letters(named)
    receiver = node.child_by_field_name("receiver")
    if receiver is not None and name:  # of Go: func (p *Parser) Read()
        kind = "".join(c if c.isalnum() or c == "_" else " " for c in _letters(receiver)).split()
        name = f"{kind[1] if len(kind) > 1 else kind[0]}.{name}" if kind else name
    return name


def _declared(node: Node) -> Node | None:
    """The name in the declarator of a C function or type."""
    for _ in range(_DEEPEST):
        inner = node.child_by_field_name("declarator")
        if inner is None:
            break
        node = inner
        if node.type in {"identifier", "field_identifier", "type_identifier", "qualified_identifier"}:
            return node
    return node if node.type in {"destructor_name", "operator_name"} else None


def _letters(node: Node | None) -> str:
    text = node.text if node is not None else None
    return " ".join(text.decode("utf-8", "replace").replace("::", ".").split())[:_MOST_NAME] if text else ""
