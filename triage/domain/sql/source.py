"""What may be in a value of a query's answer, and what a SELECT, a CTE or a table gives."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlglot import exp

ANY_KEY, KEY_NAME = "?", "<key>"
"""In a path, below what FLATTEN takes apart: a value under a key that isn't known, and that key itself."""
STAR = "*"
"""In place of a name: all columns of a table."""


@dataclass(frozen=True, slots=True)
class Source:
    """What may be in a value."""

    paths: frozenset[str] = frozenset()
    """Dotted, lower case, without the table: `requestparameters.password`."""
    made: bool = False
    """Put together by the query: the keys within it are the query's own."""
    cut: bool = False
    """A part of a text, of which no field says what it is."""
    parts: tuple[tuple[str, "Source"], ...] = ()
    """The values of an object that the query put together, by key in lower case."""

    def below(self, keys: str) -> "Source":
        """What may be under keys of it."""
        first, _, rest = keys.partition(".")
        part = dict(self.parts).get(first)
        if part is not None:
            return part.below(rest) if rest else part
        paths = {f"{path}.{keys}" for path in self.paths}
        return replace(self, paths=frozenset(paths | self.paths if self.made else paths), parts=())

    @property
    def flat(self) -> "Source":
        """The same without parts."""
        if not self.parts:
            return self
        inner = [part.flat for _, part in self.parts]
        return Source(self.paths.union(*(each.paths for each in inner)), made=True, cut=any(each.cut for each in inner))


NOTHING = Source()


def any_of(sources: Iterable[Source]) -> Source:
    """What may be in a value that holds some of these, or is one of them."""
    found = [source for source in sources if source.paths or source.parts]
    if len(found) <= 1:
        return found[0] if found else NOTHING
    flat = [source.flat for source in found]
    return Source(
        frozenset().union(*(source.paths for source in flat)),
        made=any(source.made for source in flat),
        cut=any(source.cut for source in flat),
    )


@dataclass(frozen=True, slots=True)
class Relation:
    """What a SELECT, a CTE or a table gives: name and source of each column; `*` for all columns of a table."""

    outputs: tuple[tuple[str, Source], ...]

    def column(self, name: str) -> Source | None:
        named = [source for each, source in self.outputs if each == name]
        if named:
            return any_of(named)
        stars = [source for each, source in self.outputs if each == STAR]
        return any_of([Source(frozenset({name})), *stars]) if stars else None


TABLE = Relation(((STAR, NOTHING),))


def renamed(relation: Relation, holder: exp.Expr) -> Relation:
    """A relation under an alias, which may rename its columns."""
    alias = holder.args.get("alias")
    names = [each.name.lower() for each in alias.args.get("columns") or []] if isinstance(alias, exp.TableAlias) else []
    if not names:
        return relation
    if len(names) == len(relation.outputs) and all(name != STAR for name, _ in relation.outputs):
        return Relation(tuple((name, source) for name, (_, source) in zip(names, relation.outputs, strict=True)))
    every = any_of(source for _, source in relation.outputs)
    return Relation(tuple((name, any_of([every, Source(frozenset({name}))])) for name in names))


def united(one: Relation, other: Relation) -> Relation:
    stars = any(name == STAR for name, _ in (*one.outputs, *other.outputs))
    if len(one.outputs) == len(other.outputs) and not stars:
        pairs = zip(one.outputs, other.outputs, strict=True)
        return Relation(tuple((name, any_of([mine, theirs])) for (name, mine), (_, theirs) in pairs))
    # Columns are united by place, and a star hides the places.
    every = any_of(source for _, source in (*one.outputs, *other.outputs))
    return Relation(((STAR, every),))
