"""SQL that follows from a path into an event."""

from triage.logtypes.paths import parse_path


def column_of(path: str) -> str:
    """The SQL of a path: `target.0.alternateId` is `target[0]:alternateId::string`.

    Raises:
        ValueError: it doesn't follow the notation of paths.
    """
    parts = parse_path(path)
    sql = parts[0].name
    inside = False
    for part in parts[1:]:
        if part.name.isdecimal():
            sql += f"[{part.name}]"
        elif not part.name.isidentifier():
            sql += f"['{part.name}']"
        else:
            sql += f"{'.' if inside else ':'}{part.name}"
            inside = True
    return sql if len(parts) == 1 else f"{sql}::string"
