"""The texts of the operations, whole or without what a server lacks.

What a server may lack is marked where it is written, in `operations/`, by directives that are never sent:

- `@optional` on a field or an inline fragment: it may be left out. On a variable: the argument that it fills may be.
- `@sends(needed: [...], optional: [...])` on a variable: the fields of the input object that are sent, and which of
  them may be left out.

What is not marked is needed. Where it is missing, the nearest optional part around it is left out; where there is
none, the operation fails.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files

from gql import GraphQLRequest, gql
from graphql import (
    REMOVE,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    NamedTypeNode,
    Node,
    OperationDefinitionNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    VisitorAction,
    build_schema,
    parse,
    print_ast,
    strip_ignored_characters,
    visit,
)
from pydantic import JsonValue

from triage.edges.panther.complaints import Part, PartKind
from triage.edges.panther.operations import Operation
from triage.resources import panther_schema

_OPTIONAL, _SENDS = "optional", "sends"


@cache
def known_schema() -> GraphQLSchema:
    """The part of Panther's schema that this program was written against."""
    return build_schema(panther_schema())


@dataclass(frozen=True, slots=True)
class Document:
    """An operation and its parts."""

    name: str
    parts: Mapping[Part, tuple[Node | None, ...]]
    """What to leave out for each place where a part is; `None` where the operation can't do without it."""
    inputs: Mapping[str, str]
    """The input type of each variable that is an object."""

    @property
    def field(self) -> Part:
        """The field of `Query` or `Mutation` that the operation asks for."""
        return next(part for part in self.parts if part.kind is PartKind.FIELD and part.on in ("Query", "Mutation"))

    def needs(self, part: Part) -> bool:
        """Whether the operation fails without the part."""
        return None in self.parts[part]

    def meant_by(self, said: Part) -> tuple[Part, ...]:
        """The parts of this operation that a server's complaint is about; none where it is about something else."""
        alike = [part for part in self.parts if part.kind is said.kind and said.name in ("", part.name)]
        same = [part for part in alike if said.on in ("", part.on, part.on.rpartition(".")[2])]
        if not said.name and said.kind is PartKind.INPUT_FIELD:
            # AppSync names the type alone. What is needed may well be there.
            return tuple(part for part in same if not self.needs(part))
        # A type may have another name on the server.
        return tuple(same or (alike if len(alike) == 1 and said.kind is PartKind.FIELD else ()))


@cache
def document_of(operation: Operation) -> Document:
    """An operation with its parts; each is read once."""
    tree, name = _tree_of(operation)
    types = TypeInfo(known_schema())
    finder = _Finder(types, _variables(tree))
    visit(tree, TypeInfoVisitor(types, finder))
    return Document(name, {part: tuple(targets) for part, targets in finder.parts.items()}, finder.inputs)


@cache
def _tree_of(operation: Operation) -> tuple[DocumentNode, str]:
    """An operation as its files have it, with the marks, and its name."""
    folder = files("triage.edges.panther.operations")
    texts = [(folder / f"{stem}.graphql").read_text("utf-8") for stem in (operation.file, *operation.fragments)]
    tree = parse("\n".join(texts))
    (definition,) = (each for each in tree.definitions if isinstance(each, OperationDefinitionNode))
    assert definition.name is not None, operation.file
    return tree, definition.name.value


@lru_cache(maxsize=256)
def request_of(operation: Operation, left_out: frozenset[Part] = frozenset()) -> tuple[GraphQLRequest, str]:
    """What is sent of an operation, and its name.

    Args:
        operation: Which one.
        left_out: Parts of it that the server lacks, none of them needed.
    """
    whole, name = _tree_of(operation)
    gone = {id(target) for part in left_out for target in document_of(operation).parts[part] if target is not None}
    tree = _only_used(visit(whole, _Remover(gone))) if left_out else whole
    return gql(strip_ignored_characters(print_ast(visit(tree, _Unmarker())))), name


def values_without(
    operation: Operation, values: Mapping[str, JsonValue], left_out: frozenset[Part]
) -> dict[str, JsonValue]:
    """The values of the variables, without what the server lacks."""
    if not left_out:
        return dict(values)
    used = {each.variable.name.value for each in _variables(request_of(operation, left_out)[0].document)}
    inputs = document_of(operation).inputs
    kept: dict[str, JsonValue] = {}
    for name, value in values.items():
        if isinstance(value, dict) and name in inputs:
            gone = {part.name for part in left_out if (part.kind, part.on) == (PartKind.INPUT_FIELD, inputs[name])}
            value = {key: each for key, each in value.items() if key not in gone}  # noqa: PLW2901 - the same value, smaller
        if name in used:
            kept[name] = value
    return kept


def _variables(tree: DocumentNode) -> Iterable[VariableDefinitionNode]:
    for each in tree.definitions:
        if isinstance(each, OperationDefinitionNode):
            yield from each.variable_definitions or ()


def _mark(node: Node, name: str) -> DirectiveNode | None:
    directives: Iterable[DirectiveNode] = getattr(node, "directives", None) or ()
    return next((each for each in directives if each.name.value == name), None)


@dataclass
class _Finder(Visitor):
    """Collects the parts of a document."""

    types: TypeInfo
    variables: Iterable[VariableDefinitionNode]
    parts: dict[Part, list[Node | None]] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self.optional = {each.variable.name.value for each in self.variables if _mark(each, _OPTIONAL)}

    def _add(self, part: Part, target: Node | None) -> None:
        self.parts.setdefault(part, []).append(target)

    def enter_field(self, node: FieldNode, _key: object, _parent: object, _path: object, around: list[Node]) -> None:
        parent = self.types.get_parent_type()
        on = parent.name if parent is not None else ""
        if not node.name.value.startswith("__"):
            self._add(Part(PartKind.FIELD, on, node.name.value), _nearest_optional(node, around))
        for argument in node.arguments or ():
            value = argument.value
            spare = isinstance(value, VariableNode) and value.name.value in self.optional
            target = argument if spare else _nearest_optional(node, around)
            self._add(Part(PartKind.ARGUMENT, f"{on}.{node.name.value}", argument.name.value), target)

    def enter_inline_fragment(
        self, node: InlineFragmentNode, _key: object, _parent: object, _path: object, around: list[Node]
    ) -> None:
        if node.type_condition is not None:
            self._add(Part(PartKind.TYPE, node.type_condition.name.value), _nearest_optional(node, around))

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: object) -> None:
        self._add(Part(PartKind.TYPE, node.type_condition.name.value), None)

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: object) -> None:
        named = node.type if isinstance(node.type, NamedTypeNode) else getattr(node.type, "type", None)
        sends = _mark(node, _SENDS)
        if not isinstance(named, NamedTypeNode) or sends is None:
            return
        self.inputs[node.variable.name.value] = named.name.value
        for argument in sends.arguments or ():
            assert isinstance(argument.value, ListValueNode)
            for value in argument.value.values:
                assert isinstance(value, StringValueNode)
                # An input's field is left out of the variables, not of the text.
                target = value if argument.name.value == _OPTIONAL else None
                self._add(Part(PartKind.INPUT_FIELD, named.name.value, value.value), target)


def _nearest_optional(node: Node, around: Iterable[object]) -> Node | None:
    outwards = [node, *(each for each in reversed(list(around)) if isinstance(each, Node))]
    return next((each for each in outwards if _mark(each, _OPTIONAL)), None)


class _Remover(Visitor):
    """Removes nodes, and what is empty without them."""

    def __init__(self, gone: set[int]) -> None:
        super().__init__()
        self._gone = gone

    def enter(self, node: Node, *_: object) -> VisitorAction:
        return REMOVE if id(node) in self._gone else None

    def leave(self, node: Node, *_: object) -> VisitorAction:
        inside = getattr(node, "selection_set", None)
        emptied = isinstance(node, FieldNode | InlineFragmentNode) and inside is not None and not inside.selections
        return REMOVE if emptied else None


class _Unmarker(Visitor):
    """Removes the marks."""

    def enter_directive(self, node: DirectiveNode, *_: object) -> VisitorAction:
        return REMOVE if node.name.value in (_OPTIONAL, _SENDS) else None


def _only_used(tree: DocumentNode) -> DocumentNode:
    """Without the fragments and variables that nothing uses any more: servers refuse a document that has them."""
    fragments = {each.name.value: each for each in tree.definitions if isinstance(each, FragmentDefinitionNode)}
    (operation,) = (each for each in tree.definitions if isinstance(each, OperationDefinitionNode))
    reached: dict[str, Node] = {}
    waiting: list[Node] = [operation.selection_set]
    variables: set[str] = set()
    while waiting:
        found = _Uses()
        visit(waiting.pop(), found)
        variables |= found.variables
        for name in found.spreads - reached.keys():
            reached[name] = fragments[name]
            waiting.append(fragments[name].selection_set)
    unused = {id(each) for name, each in fragments.items() if name not in reached}
    unused |= {id(each) for each in _variables(tree) if each.variable.name.value not in variables}
    kept: DocumentNode = visit(tree, _Remover(unused))
    return kept


class _Uses(Visitor):
    """Collects the fragments and variables that are used."""

    def __init__(self) -> None:
        super().__init__()
        self.spreads: set[str] = set()
        self.variables: set[str] = set()

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        self.spreads.add(node.name.value)

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.variables.add(node.name.value)
