"""The notation of the tables: one class per line, then paths.

```text
provider    eventTime  userIdentity.type  target.*.id  geographicalContext.**
actor       geographicalContext.note
session     userIdentity.arn
identifier  USER_NAME
```

`*` is one part of a path (a list index or a key), `**` at the end is the field itself and all below it. An `actor` line
wins over the others; it takes something out of a `**`. Letter case doesn't matter: lakes differ in it.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pattern:
    """One path of a table."""

    parts: tuple[str, ...]
    below: bool
    """It ends in `**`."""

    def matches(self, path: tuple[str, ...]) -> bool:
        """Whether a case-folded path is meant."""
        if len(path) != len(self.parts) and not (self.below and len(path) > len(self.parts)):
            return False
        return all(mine in ("*", theirs) for mine, theirs in zip(self.parts, path, strict=False))


@dataclass(frozen=True, slots=True)
class Table:
    """The paths of one log type by class."""

    provider: tuple[Pattern, ...] = ()
    actor: tuple[Pattern, ...] = ()
    session: tuple[Pattern, ...] = ()
    """Holds a session name where an assumed role acted."""
    identifier: tuple[Pattern, ...] = ()
    """Holds whatever was typed where a login failed."""


@dataclass(slots=True)
class _Lines:
    by_class: dict[str, list[Pattern]] = field(
        default_factory=lambda: {"provider": [], "actor": [], "session": [], "identifier": []}
    )


def parse_pattern(text: str) -> Pattern:
    """Read one path."""
    parts = text.casefold().split(".")
    below = parts[-1] == "**"
    return Pattern(tuple(parts[:-1] if below else parts), below)


def parse_table(text: str) -> Table:
    """Read one table.

    Raises:
        ValueError: a line names no class, or `**` stands elsewhere than at the end.
    """
    lines = _Lines()
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        name, *paths = words
        if name not in lines.by_class or not paths:
            raise ValueError(f"not a line of a trust table: {line.strip()!r}")
        for path in paths:
            pattern = parse_pattern(path)
            if not pattern.parts or "**" in pattern.parts or "" in pattern.parts:
                raise ValueError(f"not a path of a trust table: {path!r}")
            lines.by_class[name].append(pattern)
    return Table(**{name: tuple(found) for name, found in lines.by_class.items()})
