"""JSON schemas as model servers take them: no references, no titles, nothing optional left open."""

from typing import cast

from pydantic import BaseModel, JsonValue

_DROPPED = frozenset({"title", "default", "$defs", "discriminator"})
_UNENFORCED = _DROPPED | {
    "minLength", "maxLength", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "minItems", "maxItems", "uniqueItems",
}  # fmt: skip
"""What strict modes refuse, some here and some there; the reply is held against all of it afterwards."""


def schema_of(model: type[BaseModel], *, strict: bool = False) -> dict[str, JsonValue]:
    """The JSON schema of a model's fields, references resolved in place.

    Args:
        model: Flat and without recursion.
        strict: As strict modes want it: every property is required (optional ones allow null), bounds are left out.
    """
    whole = cast("dict[str, JsonValue]", model.model_json_schema())
    definitions = whole.get("$defs", {})
    assert isinstance(definitions, dict)
    plain = _plain(whole, definitions, strict)
    assert isinstance(plain, dict)
    return plain


def _plain(node: JsonValue, definitions: dict[str, JsonValue], strict: bool) -> JsonValue:
    if isinstance(node, list):
        return [_plain(item, definitions, strict) for item in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str):
        target = definitions[reference.removeprefix("#/$defs/")]
        assert isinstance(target, dict)
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return _plain({**target, **beside}, definitions, strict)
    found: dict[str, JsonValue] = {}
    for key, value in node.items():
        if key == "properties" and isinstance(value, dict):
            found[key] = {name: _plain(item, definitions, strict) for name, item in value.items()}
        elif key not in (_UNENFORCED if strict else _DROPPED):
            found[key] = _plain(value, definitions, strict)
    properties = found.get("properties")
    if isinstance(properties, dict) and strict:
        found["required"] = list(properties)
    return found
