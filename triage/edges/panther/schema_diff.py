"""What one schema lacks, calls deprecated or has beyond another, as far as this program's operations go. Pure."""

from dataclasses import dataclass, field

from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    validate,
    visit,
)

from triage.domain.clean import printable_sentence
from triage.edges.panther.complaints import Part, PartKind, complaint_of
from triage.edges.panther.documents import document_of, known_schema, request_of
from triage.edges.panther.operations import ALL, INTROSPECTION

PARTLY_KNOWN = frozenset({"APIToken", "DataLakeQueryResults", "Mutation", "Query", "Role"})
"""Types of which `panther_schema` has only the fields in use: what else they have isn't new."""
_COMPARED = tuple(operation for operation in ALL if operation is not INTROSPECTION)
_LONGEST = 120
"""Characters of a server's own words."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference, and whom it concerns."""

    name: str
    """As in the schema: `Alert.runbook`, `AlertsInput.logTypes`, `Query.sources(input)`."""
    operations: tuple[str, ...] = ()
    """The operations that use it."""
    needed: bool = False
    """At least one of them can't do without it."""
    text: str = ""
    """What the server says of it."""


def missing_in(schema: GraphQLSchema) -> tuple[Difference, ...]:
    """What the operations use and a server lacks."""
    found: dict[str, Difference] = {}

    def add(name: str, operation: str, *, needed: bool) -> None:
        known = found.get(name, Difference(name))
        operations = tuple(dict.fromkeys((*known.operations, operation)))
        found[name] = Difference(name, operations, known.needed or needed)

    for operation in _COMPARED:
        request, name = request_of(operation)
        document = document_of(operation)
        for error in validate(schema, request.document):
            said = complaint_of({"message": error.message})
            parts = document.meant_by(said) if said is not None else ()
            for part in parts:
                add(str(part), name, needed=document.needs(part))
            if not parts:
                add(f"{name}: {printable_sentence(error.message, _LONGEST)}", name, needed=True)
        for part in document.parts:
            if part.kind is PartKind.INPUT_FIELD and not _has_input(schema, part):
                add(str(part), name, needed=document.needs(part))
    return tuple(sorted(found.values(), key=lambda each: each.name))


def differences_of(names: frozenset[str]) -> tuple[Difference, ...]:
    """Parts that a server has refused, with the operations that they were left out of."""
    users: dict[str, list[str]] = {name: [] for name in sorted(names)}
    for operation in _COMPARED:
        document = document_of(operation)
        for part in document.parts:
            if str(part) in users:
                users[str(part)].append(document.name)
    return tuple(Difference(name, tuple(users[name])) for name in users)


def _has_input(schema: GraphQLSchema, part: Part) -> bool:
    type_ = schema.type_map.get(part.on)
    # A type of another name has made the operation invalid already.
    return not isinstance(type_, GraphQLInputObjectType) or part.name in type_.fields


def deprecated_in(schema: GraphQLSchema) -> tuple[Difference, ...]:
    """What the operations use and a server calls deprecated."""
    reasons: dict[str, str] = {}
    users: dict[str, dict[str, None]] = {}
    for operation in _COMPARED:
        request, name = request_of(operation)
        types = TypeInfo(schema)
        finder = _Deprecated(types)
        visit(request.document, TypeInfoVisitor(types, finder))
        found = dict(finder.reasons)
        for part in document_of(operation).parts:
            type_ = schema.type_map.get(part.on)
            if part.kind is PartKind.INPUT_FIELD and isinstance(type_, GraphQLInputObjectType):
                given = type_.fields.get(part.name)
                if given is not None and given.deprecation_reason is not None:
                    found[str(part)] = given.deprecation_reason
        for key, reason in found.items():
            reasons[key] = printable_sentence(reason, _LONGEST)
            users.setdefault(key, {})[name] = None
    return tuple(Difference(key, tuple(users[key]), text=reasons[key]) for key in sorted(reasons))


@dataclass
class _Deprecated(Visitor):
    """Collects the deprecated fields and arguments of a document, with the server's reasons."""

    types: TypeInfo
    reasons: dict[str, str] = field(default_factory=dict)
    inside: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def enter_field(self, node: FieldNode, *_: object) -> None:
        parent, found = self.types.get_parent_type(), self.types.get_field_def()
        # A field's arguments come next, before the fields in it.
        self.inside = f"{parent.name}.{node.name.value}" if parent is not None else node.name.value
        if found is not None and found.deprecation_reason is not None:
            self.reasons[self.inside] = found.deprecation_reason

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        argument = self.types.get_argument()
        if argument is not None and argument.deprecation_reason is not None:
            self.reasons[f"{self.inside}({node.name.value})"] = argument.deprecation_reason


def new_in(schema: GraphQLSchema) -> tuple[str, ...]:
    """What the types in use have on a server and not in the schema that this program was written against."""
    found = []
    for name in sorted(_used_types() - PARTLY_KNOWN):
        theirs = schema.type_map.get(name)
        if theirs is not None:
            found += [f"{name}.{each}" for each in sorted(_members(theirs) - _members(known_schema().type_map[name]))]
    return tuple(found)


def _members(type_: GraphQLNamedType) -> frozenset[str]:
    match type_:
        case GraphQLObjectType() | GraphQLInterfaceType() | GraphQLInputObjectType():
            return frozenset(type_.fields)
        case GraphQLEnumType():
            return frozenset(type_.values)
        case GraphQLUnionType():
            return frozenset(each.name for each in type_.types)
        case _:
            return frozenset()


def _used_types() -> frozenset[str]:
    """The types that the operations ask of or send, with those of their input's fields."""
    used: dict[str, GraphQLNamedType] = {}
    for operation in _COMPARED:
        types = TypeInfo(known_schema())
        finder = _UsedTypes(types)
        visit(request_of(operation)[0].document, TypeInfoVisitor(types, finder))
        used |= finder.used
    for type_ in list(used.values()):
        if isinstance(type_, GraphQLInputObjectType):
            used |= {named.name: named for each in type_.fields.values() if (named := get_named_type(each.type))}
    return frozenset(used)


@dataclass
class _UsedTypes(Visitor):
    types: TypeInfo
    used: dict[str, GraphQLNamedType] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()

    def enter_field(self, *_: object) -> None:
        for type_ in (self.types.get_parent_type(), get_named_type(self.types.get_type())):
            if type_ is not None:
                self.used[type_.name] = type_

    def enter_variable_definition(self, *_: object) -> None:
        type_ = get_named_type(self.types.get_input_type())
        if type_ is not None:
            self.used[type_.name] = type_
