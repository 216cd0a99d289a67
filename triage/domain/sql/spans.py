"""The time bound of each table that one SELECT reads: found, narrowed, or added."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlglot import exp

from triage.domain.sql import times
from triage.domain.sql.bounds import Bound, add_where, both, bounds_in, bounds_in_branches, duration_text, window_text
from triage.domain.sql.catalog import LakeTable, resolve
from triage.domain.sql.policy import SqlPolicy, SqlRefused
from triage.domain.sql.syntax import line_of
from triage.domain.window import TimeWindow

_EVENT_TIME = "P_EVENT_TIME"


@dataclass(frozen=True, slots=True)
class FromItem:
    """One entry of FROM or JOIN."""

    node: exp.Expr
    name: str
    """The qualifier of its columns: the alias, or the table name alone."""
    aliased: bool
    table: LakeTable | None
    """Set if it is a table of the lake."""
    join: exp.Join | None
    """The JOIN that adds it; `None` for the first."""


@dataclass(slots=True)
class Reads:
    """What a whole query reads, collected while it is checked."""

    policy: SqlPolicy
    now: datetime
    window: TimeWindow | None
    """Added as the bound of a table that has none; if `None`, such a table is refused."""
    tables: dict[str, None] = field(default_factory=dict)
    """Fully qualified names, in order of first use."""
    windows: list[TimeWindow] = field(default_factory=list)
    """One for each bounded table."""
    bounds: list[list[Bound]] = field(default_factory=list)
    """What gave each of them."""
    notes: list[str] = field(default_factory=list)
    """What was changed, one sentence each."""
    ctes: int = 0
    named_in_from: int = 0
    """How often FROM or JOIN names a table or a CTE."""


def check_bounds(select: exp.Select, items: list[FromItem], reads: Reads) -> None:
    """Make sure that every table of a SELECT is bounded in time.

    Args:
        select: The SELECT. Missing bounds are added to it if `reads.window` is set.
        items: The entries of its FROM and JOINs, in order.
        reads: Gets each table's window, and a note for each change.

    Raises:
        SqlRefused: `unbounded` or `window`.
    """
    tables = [item for item in items if item.table is not None and item.table.bounded]
    if not tables:
        return
    found = _bounds_of(select, items, reads.now)
    for item in tables:
        bounding = _TableBound(select, items, item, reads)
        bounds = [bound for bound, place in found if bounding.applies(bound, place)]
        if not any(bound.start for bound in bounds):
            bounds += bounding.added()
        reads.windows.append(bounding.window_of(bounds))
        reads.bounds.append(bounds)


def _bounds_of(select: exp.Select, items: list[FromItem], now: datetime) -> list[tuple[Bound, int | None]]:
    """All bounds of a SELECT, each with the index of the item whose ON contains it, or `None` for WHERE."""
    where = select.args.get("where")
    found: list[tuple[Bound, int | None]] = [(bound, None) for bound in bounds_in(where.this if where else None, now)]
    for place, item in enumerate(items):
        if item.join is not None:
            found += [(bound, place) for bound in bounds_in(item.join.args.get("on"), now)]
    return found


def _side(join: exp.Join | None) -> str:
    return str(join.args.get("side") or "").upper() if join is not None else ""


@dataclass(frozen=True, slots=True)
class _TableBound:
    """The time bound of one table in one SELECT."""

    select: exp.Select
    items: list[FromItem]
    item: FromItem
    reads: Reads

    @property
    def table(self) -> LakeTable:
        assert self.item.table is not None
        return self.item.table

    @property
    def _log_tables(self) -> int:
        return sum(1 for item in self.items if item.table is not None and item.table.bounded)

    def applies(self, bound: Bound, place: int | None) -> bool:
        """Whether a bound limits the rows that are read from this table."""
        return self._reaches(place) and self._is_ours(bound.column) and self._is_time(bound.column)

    def _reaches(self, place: int | None) -> bool:
        """A condition in ON doesn't filter the side that an outer join preserves."""
        if place is None:
            return True
        side = _side(self.items[place].join)
        mine = self.items.index(self.item)
        if side == "LEFT":
            return mine == place
        if side == "RIGHT":
            return mine < place
        return side == "" and mine <= place

    def _is_ours(self, column: exp.Column) -> bool:
        qualifiers = [resolve(column.args.get(part)) for part in ("catalog", "db", "table")]
        if any(qualifiers[:2]):
            full = ".".join(qualifiers).lower()
            return not self.item.aliased and full == self.table.name
        if qualifiers[2]:
            return qualifiers[2] == self.item.name
        # An unqualified column counts only if there is a single log table: with two it is ambiguous, and an alias of
        # that name or USING could make it another column. A table outside Panther may lack the column, in which case
        # it would resolve to one of the other items.
        return (
            self._log_tables == 1
            and (self.table.panther or self._alone)
            and not self._renamed(resolve(column.this))
            and not any(item.join is not None and item.join.args.get("using") for item in self.items)
        )

    @property
    def _alone(self) -> bool:
        others = [item for item in self.items if item is not self.item]
        return all(type(item.node) in {exp.Lateral, exp.TableFromRows} for item in others)

    def _renamed(self, name: str) -> bool:
        """Whether the SELECT gives this name to something else, which Snowflake uses if the table lacks the column."""
        if name == _EVENT_TIME and not self.table.panther:
            return False
        aliased = self._alias(name)
        if aliased is not None and not (isinstance(aliased, exp.Column) and resolve(aliased.this) == name):
            return True
        stars = [projection for projection in self.select.expressions if projection.is_star]
        return any(resolve(found.args["alias"]) == name for star in stars for found in star.find_all(exp.Alias))

    def _hidden_bound(self) -> str:
        """The time column for which an alias of the SELECT stands; empty if none does."""
        known = sorted(column.upper() for column in self.reads.policy.time_columns) if self.table.panther else []
        return next((name for name in known if self._renamed(name)), "")

    def _alias(self, name: str) -> exp.Expr | None:
        for projection in self.select.expressions:
            if isinstance(projection, exp.Alias) and resolve(projection.args["alias"]) == name:
                found: exp.Expr = projection.this
                return found
        return None

    def _is_time(self, column: exp.Column) -> bool:
        """Whether it is one of the table's time columns. A quoted lower-case name is a different column."""
        name = resolve(column.this)
        own = self.reads.policy.time_columns if self.table.panther else self.reads.policy.extra_time_columns
        known = {column.upper() for column in own}
        if name == _EVENT_TIME and not self.table.panther:
            # Panther's macros compare p_event_time, which Snowflake's own tables have only as an alias.
            aliased = self._alias(name)
            return isinstance(aliased, exp.Column) and resolve(aliased.this) in known
        return name in known

    def added(self) -> list[Bound]:
        """Add a bound: from the branches of an OR if the policy allows it, otherwise the given window."""
        if self.reads.policy.hoist_or_bounds and (hoisted := self._hoisted()):
            return hoisted
        window = self.reads.window
        if window is None or not self.table.panther or (len(self.items) == 1 and self._hidden_bound()):
            raise self._unbounded()
        if window.duration > self.reads.policy.max_window:
            raise self._too_wide(window.duration)
        if any(_side(item.join) in {"RIGHT", "FULL"} for item in self.items):
            raise self._unbounded()
        column = exp.column("p_event_time", table=self._qualifier())
        bounds = self._conditions(column, window)
        join = self.item.join
        if _side(join) == "LEFT" and join is not None:
            if join.args.get("on") is None:
                raise self._unbounded()
            join.set("on", both(join.args["on"], bounds))
        else:
            add_where(self.select, bounds)
        self.reads.notes.append(f"{self.table.name}: time bound added, {window_text(window)}")
        return self._read(bounds)

    def _hoisted(self) -> list[Bound]:
        where = self.select.args.get("where")
        branches = [
            bound
            for bound in bounds_in_branches(where.this if where else None, self.reads.now)
            if self.applies(bound, None)
        ]
        inside = [bound for bound in branches if bound.start is not None]
        if not inside:
            return []
        start = min(bound.start for bound in inside if bound.start is not None)
        end = max([bound.end for bound in branches if bound.end is not None], default=self.reads.now)
        bounds = self._conditions(inside[0].column.copy(), TimeWindow(start, max(end, start)))
        add_where(self.select, bounds)
        self.reads.notes.append(
            f"{self.table.name}: the time bound of one OR branch was applied to the whole condition"
        )
        return self._read(bounds)

    def _qualifier(self) -> exp.Identifier | None:
        if len(self.items) == 1:
            return None
        alias = self.item.node.args.get("alias")
        name = alias.this if alias is not None else self.item.node.this
        copy: exp.Identifier = name.copy()
        return copy

    def _conditions(self, column: exp.Column, window: TimeWindow) -> list[exp.Expr]:
        return [
            exp.GTE(this=column, expression=times.literal(window.start)),
            exp.LTE(this=column.copy(), expression=times.literal(window.end)),
        ]

    def _read(self, conditions: list[exp.Expr]) -> list[Bound]:
        return [bound for condition in conditions for bound in bounds_in(condition, self.reads.now)]

    def window_of(self, bounds: list[Bound]) -> TimeWindow:
        """The window that the bounds leave; a range that is too long is narrowed in the tree, or refused."""
        lower = max(
            (bound for bound in bounds if bound.start is not None), key=lambda bound: bound.start or self.reads.now
        )
        start = lower.start or self.reads.now
        ends = [bound.end for bound in bounds if bound.end is not None]
        end = min([*ends, max(self.reads.now, start)])
        if end < start:
            raise SqlRefused(
                f"the time bound of {self.table.name} ends ({end:%Y-%m-%d %H:%M:%S}) before it starts "
                f"({start:%Y-%m-%d %H:%M:%S}); swap them",
                code="window",
                line=line_of(lower.predicate),
            )
        if end - start <= self.reads.policy.max_window:
            return TimeWindow(start, end)
        a_range = bool(ends) or (lower.fixed and self.reads.policy.allow_fixed_start)
        if not a_range or end - start > self.reads.policy.narrow_up_to:
            raise self._too_wide(end - start, lower)
        narrowed = TimeWindow(end - self.reads.policy.max_window, end)
        condition = exp.GTE(this=lower.column.copy(), expression=times.literal(narrowed.start))
        # Copy and replace in this order: a node loses its old parent once it gets a new one.
        predicate = lower.predicate.copy()
        lower.predicate.replace(exp.And(this=predicate, expression=condition))
        self.reads.notes.append(
            f"{self.table.name}: the window was longer than {self.reads.policy.max_window.days} days and was narrowed to its "
            f"end, {window_text(narrowed)}"
        )
        return narrowed

    def _unbounded(self) -> SqlRefused:
        several = self._log_tables > 1
        hidden = self._hidden_bound()
        if hidden:
            return SqlRefused(
                f"the alias {hidden.lower()} has the name of the time column, so that a bound on {hidden.lower()} may mean "
                f"the alias; call it otherwise, such as AS {hidden.lower()}_hour",
                code="alias",
                line=line_of(self.item.node),
            )
        if self.table.panther:
            name = self.item.name.lower()
            column = f"{name}.p_event_time" if several else "p_event_time"
            remedy = f"AND p_occurs_since('1 d'{f', {name}' if several else ''})"
            where = f"add {remedy}, or {column} >= … , to the WHERE of the SELECT that reads it, outside OR and NOT"
        else:
            columns = ", ".join(sorted(self.reads.policy.extra_time_columns))
            where = f"bound one of its time columns ({columns}) in WHERE, outside OR and NOT"
        return SqlRefused(
            f"{self.table.name} has no time bound; {where}",
            code="unbounded",
            line=line_of(self.item.node),
        )

    def _too_wide(self, span: timedelta, bound: Bound | None = None) -> SqlRefused:
        days = self.reads.policy.max_window.days
        return SqlRefused(
            f"{self.table.name} is read over {duration_text(span)}; at most {days} days are allowed. Write "
            f"p_occurs_since('{days} d') or less, or a range with both ends such as p_occurs_between(start, end)",
            code="window",
            line=line_of(bound.predicate if bound is not None else self.item.node),
        )
