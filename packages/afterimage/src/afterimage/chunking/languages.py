"""What is a unit in each language, by the names that its grammar has for it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language as Grammar


@dataclass(frozen=True, slots=True)
class Language:
    """A grammar, and which of its nodes are units."""

    name: str
    #: The package of the grammar, and its function.
    package: str
    #: Node -> kind, for what is a unit whole.
    units: dict[str, str]
    #: Node -> kind, for what has units inside.
    containers: dict[str, str]
    #: A method alone is no program: what it takes to make it one.
    shell: tuple[str, str] | None = None
    function: str = "language"


#: Nodes that are looked through for units: what is around a definition, and not of it.
_AROUND = (
    "if_statement else_clause elif_clause try_statement except_clause finally_clause with_statement block "
    "statement_block class_body interface_body enum_body enum_body_declarations declaration_list "
    "field_declaration_list preproc_ifdef preproc_if preproc_else preproc_elif linkage_specification "
    "expression_statement ambient_declaration ERROR"
)
TRANSPARENT = frozenset(_AROUND.split())

#: Nodes around a single definition, whose lines are its own: decorators, `export`, `template <...>`.
WRAPPERS = frozenset({"decorated_definition", "export_statement", "template_declaration"})

#: Nodes that belong to the unit that follows them at once.
ATTACHED = frozenset({"comment", "line_comment", "block_comment", "attribute_item", "decorator"})

_C = {"function_definition": "function", "type_definition": "type", "enum_specifier": "type"}
_C_TYPES = {"struct_specifier": "type", "union_specifier": "type"}
_SCRIPT = {
    "function_declaration": "function",
    "generator_function_declaration": "function",
    "method_definition": "method",
    "lexical_declaration": "function",
    "variable_declaration": "function",
}
_SCRIPT_CONTAINERS = {"class_declaration": "class"}
_SHELL = ("class _ {", "\n}")

PYTHON = Language("python", "tree_sitter_python", {"function_definition": "function"}, {"class_definition": "class"})
JAVASCRIPT = Language("javascript", "tree_sitter_javascript", _SCRIPT, _SCRIPT_CONTAINERS, _SHELL)
_TYPED_SCRIPT = {
    **_SCRIPT,
    "interface_declaration": "type",
    "type_alias_declaration": "type",
    "enum_declaration": "type",
}
_TYPED_CONTAINERS = {
    **_SCRIPT_CONTAINERS,
    "abstract_class_declaration": "class",
    "internal_module": "class",
    "module": "class",
}
TYPESCRIPT = Language(
    "typescript", "tree_sitter_typescript", _TYPED_SCRIPT, _TYPED_CONTAINERS, _SHELL, "language_typescript"
)
TSX = Language("tsx", "tree_sitter_typescript", _TYPED_SCRIPT, _TYPED_CONTAINERS, _SHELL, "language_tsx")
GO = Language(
    "go",
    "tree_sitter_go",
    {"function_declaration": "function", "method_declaration": "method", "type_declaration": "type"},
    {},
)
RUST = Language(
    "rust",
    "tree_sitter_rust",
    {
        "function_item": "function",
        "function_signature_item": "function",
        "struct_item": "type",
        "enum_item": "type",
        "union_item": "type",
        "macro_definition": "function",
    },
    {"impl_item": "class", "trait_item": "class", "mod_item": "class"},
)
JAVA = Language(
    "java",
    "tree_sitter_java",
    {
        "method_declaration": "method",
        "constructor_declaration": "method",
        "compact_constructor_declaration": "method",
        "annotation_type_declaration": "type",
    },
    {
        "class_declaration": "class",
        "interface_declaration": "class",
        "enum_declaration": "class",
        "record_declaration": "class",
    },
    _SHELL,
)
C = Language("c", "tree_sitter_c", {**_C, **_C_TYPES}, {})
CPP = Language(
    "cpp",
    "tree_sitter_cpp",
    _C,
    {
        "class_specifier": "class",
        "struct_specifier": "class",
        "union_specifier": "class",
        "namespace_definition": "class",
    },
    ("class _ {", "\n};"),
)

LANGUAGES = (PYTHON, JAVASCRIPT, TYPESCRIPT, TSX, GO, RUST, JAVA, C, CPP)

_ENDINGS = {
    **dict.fromkeys(("py", "pyi", "pyw"), PYTHON),
    **dict.fromkeys(("js", "mjs", "cjs", "jsx"), JAVASCRIPT),
    **dict.fromkeys(("ts", "mts", "cts"), TYPESCRIPT),
    "tsx": TSX,
    "go": GO,
    "rs": RUST,
    "java": JAVA,
    "c": C,
    **dict.fromkeys(("h", "cc", "cpp", "cxx", "c++", "hh", "hpp", "hxx", "h++", "ino"), CPP),
}


def language_of(path: str) -> Language | None:
    """The language of a file, by its ending; None for one that is not cut at its definitions."""
    _, dot, ending = path.rpartition(".")
    return _ENDINGS.get(ending.lower()) if dot else None


def grammar_of(language: Language) -> Grammar | None:
    """Its grammar; None without the extra ``code``."""
    return _grammar(language.package, language.function)


@cache
def _grammar(package: str, function: str) -> Grammar | None:
    try:
        from tree_sitter import Language as Grammar

        return Grammar(getattr(importlib.import_module(package), function)())
    except ImportError:
        return None


def missing() -> tuple[str, ...]:
    """The languages whose grammar is not installed: code in them is cut at blank lines."""
    return tuple(language.name for language in LANGUAGES if grammar_of(language) is None)
