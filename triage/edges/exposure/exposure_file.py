"""Alerts as they were listed, the assets in them, and how far the reading has come."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from triage.edges.exposure.delivery import Delivery
from triage.edges.exposure.state_file import text_of
from triage.ports.exposure import (
    FreshAlert,
    KnownAlert,
    ReadWindow,
    Sighting,
    StoredAsset,
    StoredRisk,
    StoredVerdict,
    UnfinishedRead,
)

_BATCH = 500
"""Ids per statement; SQLite allows 999 variables in its older versions."""
_PUT_ALERT = """
INSERT OR REPLACE INTO alerts
  (n, id, created, first, last, rank, severity, status, detection, body, digest, version, events)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_PUT_ASSET = """
INSERT INTO assets (id, type, value, provider, facts, first, last) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last),
  provider = CASE provider WHEN '' THEN excluded.provider ELSE provider END,
  facts = CASE facts WHEN '{}' THEN excluded.facts ELSE facts END
"""
_PUT_SEEN = "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)"
_UNSEEN = "WHERE NOT EXISTS (SELECT 1 FROM seen WHERE seen.asset = assets.id)"


class ExposureFile(Delivery):
    """Implements `ports.exposure.ExposureStore`."""

    # ---- reading Panther ---------------------------------------------------------------------------------------------

    def complete(self) -> ReadWindow | None:
        """How far Panther has been read; `None` before the first reading has ended."""
        found = self._moments("complete")
        return ReadWindow(*found) if found else None

    def unfinished(self) -> UnfinishedRead | None:
        """A reading that was broken off."""
        found = self._moments("unfinished")
        return UnfinishedRead(*found) if found else None

    def begin(self, read: UnfinishedRead) -> None:
        """Note that a reading begins."""
        with self._transaction():
            self._set("unfinished", json.dumps([text_of(read.read_from), text_of(read.as_of), text_of(read.at)]))

    def known(self, ids: Sequence[str]) -> Mapping[str, KnownAlert]:
        """What is stored of these alerts."""
        found: dict[str, KnownAlert] = {}
        with self._translated():
            for start in range(0, len(ids), _BATCH):
                part = ids[start : start + _BATCH]
                marks = ",".join("?" * len(part))
                query = f"SELECT id, n, digest, version, events FROM alerts WHERE id IN ({marks})"  # noqa: S608 - question marks
                found.update(
                    (id_, KnownAlert(number, digest, version, bool(events)))
                    for id_, number, digest, version, events in self._db.execute(query, part)
                )
        return found

    def add(self, alerts: Collection[FreshAlert], *, at: datetime | None) -> None:
        """Store alerts, and how far the reading has come; `None`: as far as before."""
        with self._transaction():
            (last,) = self._db.execute("SELECT coalesce(max(n), 0) FROM alerts").fetchone()
            rows, assets, seen, replaced = [], [], [], []
            for each in alerts:
                alert = each.alert
                last += each.known is None
                number = last if each.known is None else each.known.number
                created, first, end = text_of(alert.created_at), text_of(alert.first_seen), text_of(alert.last_seen)
                rows.append(
                    (
                        *(number, alert.id, created, first, end, alert.rank, alert.severity, alert.status),
                        *(alert.detection_id, alert.body, each.digest, alert.version, alert.events_read),
                    )
                )
                if alert.assets is None:
                    continue
                if each.known is not None:
                    replaced.append((number,))
                for asset in alert.assets:
                    assets.append((asset.id, asset.type, asset.value, asset.provider, asset.facts, first, end))
                    seen.append((asset.id, created, number, " ".join(asset.roles)))
            self._db.executemany(_PUT_ALERT, rows)
            self._db.executemany("DELETE FROM seen WHERE alert = ?", replaced)
            self._db.executemany(_PUT_ASSET, assets)
            self._db.executemany(_PUT_SEEN, seen)
            read = self._moments("unfinished")
            if at is not None and read:
                self._set("unfinished", json.dumps([*map(text_of, read[:2]), text_of(at)]))

    def finish(self) -> None:
        """The reading has reached its end: its whole window is as it was when it began, or later."""
        read = self.unfinished()
        if read is None:
            return
        with self._transaction():
            self._set("complete", json.dumps([text_of(read.read_from), text_of(read.as_of)]))
            self._db.execute("DELETE FROM meta WHERE name = 'unfinished'")

    def forget(self, before: datetime) -> None:
        """Delete alerts that were created before, and assets that no other alert has."""
        with self._transaction():
            moment = text_of(before)
            self._db.execute(
                "DELETE FROM delivered WHERE kind = 'risk' AND id IN (SELECT id FROM alerts WHERE created < ?)",
                (moment,),
            )
            self._db.execute("DELETE FROM seen WHERE alert IN (SELECT n FROM alerts WHERE created < ?)", (moment,))
            self._db.execute("DELETE FROM alerts WHERE created < ?", (moment,))
            self._db.execute(f"DELETE FROM delivered WHERE kind = 'asset' AND id IN (SELECT id FROM assets {_UNSEEN})")  # noqa: S608 - a constant
            self._db.execute(f"DELETE FROM assets {_UNSEEN}")  # noqa: S608 - a constant
            known = self._moments("complete")
            if known and known[0] < before:
                self._set("complete", json.dumps([text_of(before), text_of(known[1])]))

    # ---- rows --------------------------------------------------------------------------------------------------------

    def alert_ids(self) -> Iterator[tuple[str, ...]]:
        """The ids of all alerts, in batches."""
        last = ""
        while True:
            with self._translated():
                rows = self._db.execute("SELECT id FROM alerts WHERE id > ? ORDER BY id LIMIT ?", (last, _BATCH))
                batch = tuple(id_ for (id_,) in rows)
            if not batch:
                return
            yield batch
            last = batch[-1]

    def set_verdicts(self, verdicts: Mapping[str, StoredVerdict]) -> None:
        """Put what this program says of alerts beside them."""
        with self._transaction():
            self._db.executemany(
                "UPDATE alerts SET state = ?, verdict = ?, confidence = ?, leader = ? WHERE id = ?",
                [(each.state, each.verdict, each.confidence, each.leader, id_) for id_, each in verdicts.items()],
            )

    def risks(self, *, min_rank: int = 0) -> Iterator[StoredRisk]:
        """Every alert, the most severe first, then the oldest."""
        with self._translated():
            rows = self._db.execute(
                "SELECT id, body, events, state, verdict, confidence, leader, "
                "(SELECT group_concat(asset, ' ') FROM seen WHERE alert = n) FROM alerts WHERE rank >= ? "
                "ORDER BY rank DESC, created, id",
                (min_rank,),
            )
            for id_, body, events, state, verdict, confidence, leader, assets in rows:
                known = None if state is None else StoredVerdict(state, verdict, confidence, leader)
                yield StoredRisk(id_, json.loads(body), known, bool(events), tuple(sorted((assets or "").split())))

    def assets(self) -> Iterator[StoredAsset]:
        """Every asset, by type and value."""
        with self._translated():
            rows = self._db.execute(
                "SELECT id, type, value, provider, facts, first, last FROM assets "
                # An alert that was read again may no longer name what it named.
                "WHERE EXISTS (SELECT 1 FROM seen WHERE seen.asset = assets.id) ORDER BY type, value"
            )
            for id_, type_, value, provider, facts, first, last in rows:
                yield StoredAsset(id_, type_, value, provider, json.loads(facts), first, last, self._sightings(id_))

    def _sightings(self, asset: str) -> Iterator[Sighting]:
        rows = self._db.execute(
            "SELECT id, severity, rank, status, detection, verdict, roles FROM seen JOIN alerts ON alerts.n = seen.alert "
            "WHERE seen.asset = ? ORDER BY seen.created DESC, seen.alert DESC",
            (asset,),
        )
        for id_, severity, rank, status, detection, verdict, roles in rows:
            yield Sighting(id_, severity, rank, status, detection, verdict, tuple(roles.split()))
