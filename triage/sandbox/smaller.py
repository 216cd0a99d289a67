"""A schema that lacks something, as another generation of Panther would."""

from collections.abc import Collection

from graphql import (
    REMOVE,
    DocumentNode,
    EnumValueDefinitionNode,
    FieldDefinitionNode,
    InputValueDefinitionNode,
    NamedTypeNode,
    Node,
    TypeDefinitionNode,
    Visitor,
    VisitorAction,
    visit,
)


def without(schema: DocumentNode, names: Collection[str]) -> DocumentNode:
    """Remove what is named from a schema; a member of a union goes with its type.

    Args:
        schema: The whole one.
        names: Such as `Alert.runbook`, `AlertsInput.logTypes`, `Severity.INFO`, `Query.sources(input)` or
            `DeletedDetection`.
    """
    kept: DocumentNode = visit(schema, _Without(names)) if names else schema
    return kept


class _Without(Visitor):
    def __init__(self, names: Collection[str]) -> None:
        super().__init__()
        self._names = names
        self._type = self._field = ""

    def enter(self, node: Node, *_: object) -> VisitorAction:
        match node:
            case TypeDefinitionNode():
                self._type, self._field = node.name.value, ""
                gone = self._type
            case FieldDefinitionNode():
                self._field = node.name.value
                gone = f"{self._type}.{self._field}"
            case InputValueDefinitionNode() if self._field:
                gone = f"{self._type}.{self._field}({node.name.value})"
            case InputValueDefinitionNode() | EnumValueDefinitionNode():
                gone = f"{self._type}.{node.name.value}"
            case NamedTypeNode():
                gone = node.name.value
            case _:
                return None
        return REMOVE if gone in self._names else None
