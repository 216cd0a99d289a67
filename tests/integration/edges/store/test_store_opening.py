"""Opening the store: URLs, files, servers, migrations; and every trouble as one line that says what to do."""

import asyncio
import json
import os
import pwd
import resource
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from multiprocessing.connection import Connection as PipeConnection
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, inspect, make_url, text

from tests.support import postgres
from tests.support.forked import context
from tests.support.shared import ROOT
from tests.support.stores import HOLDS, NOW, alert, claimed, followers, investigation, saved, sqlite_url
from triage.domain.verdict import Disposition
from triage.edges.store import open_store
from triage.edges.store.failures import store_error
from triage.edges.store.migrations import MIGRATIONS, migrate
from triage.edges.store.tables import metadata
from triage.errors import ConfigError, StoreError
from triage.ports import Ended, Receipt, Spend, State

pytestmark = pytest.mark.anyio


def modes(directory: Path) -> dict[str, int]:
    """Names and permissions of the files in a directory."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}


@pytest.fixture(params=["sqlite", "postgresql"])
def blank_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path)
        return
    with postgres.database() as url:
        yield url


@pytest.fixture
def blank(blank_url: str) -> Iterator[Engine]:
    """A plain engine for a database without any table."""
    url = make_url(blank_url)
    engine = create_engine(url if url.drivername == "sqlite" else url.set(drivername="postgresql+psycopg"))
    yield engine
    engine.dispose()


# ---- migrations --------------------------------------------------------------------------------------------------


def type_name(said: str) -> str:
    """A double has three names."""
    return "DOUBLE" if said in {"DOUBLE PRECISION", "REAL"} else said


async def test_a_blank_database_gets_the_schema_of_the_tables(blank_url: str, blank: Engine) -> None:
    """What the migrations make is what `tables` describes: columns, types, nulls, keys and indexes."""
    await (await open_store(blank_url)).close()

    made = inspect(blank)
    assert set(made.get_table_names()) == set(metadata.tables)
    for name, table in metadata.tables.items():
        columns = {
            column["name"]: (type_name(str(column["type"])), column["nullable"]) for column in made.get_columns(name)
        }
        assert columns == {
            column.name: (type_name(column.type.compile(blank.dialect)), bool(column.nullable)) for column in table.c
        }
        assert made.get_pk_constraint(name)["constrained_columns"] == [column.name for column in table.primary_key]
        indexes = {index["name"] for index in made.get_indexes(name) if not index.get("duplicates_constraint")}
        assert indexes == {index.name for index in table.indexes}
        unique = {constraint["name"] for constraint in made.get_unique_constraints(name)}
        assert unique == ({"journal_step"} if name == "journal" else set())
        foreign = {tuple(key["constrained_columns"]) for key in made.get_foreign_keys(name)}
        assert foreign == {(key.parent.name,) for key in table.foreign_keys}


def make_first_schema(blank: Engine) -> None:
    """A database as the first release made it, with a few rows."""
    script = (ROOT / "tests/support/first_schema.sql").read_text()
    serial = (
        "INTEGER NOT NULL PRIMARY KEY"
        if blank.dialect.name == "sqlite"
        else "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
    )
    statements = "".join(line for line in script.splitlines(keepends=True) if not line.startswith("--"))
    with blank.begin() as connection:
        for statement in statements.replace("SERIAL_KEY", serial).split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)


async def test_the_first_schema_is_brought_up_to_date(blank_url: str, blank: Engine) -> None:
    """A database of the first release opens, keeps its rows, and takes new ones."""
    make_first_schema(blank)

    store = await open_store(blank_url)

    record, result = await store.records.find("a"), await store.records.investigation("a")
    assert record is not None
    assert (record.state, record.verdict, record.run_id, record.seen_at) == (State.DONE, "benign", "run-1", NOW)
    assert result is not None
    assert result.verdict.disposition is Disposition.BENIGN
    assert await store.journal.entries("run-1") == (("step", "query", {"rows": []}),)
    assert await store.values.get("cursor") == "2031-05-06T12:00:00Z"
    assert await store.values.receipt("comment:a") == Receipt("comment:a", "done", "c1", "d1", NOW)
    await saved(store, alert("b"))
    claim = await claimed(store)
    assert await store.journal.append(claim, "step", "query", 1, now=NOW)
    assert await store.ledger.book(claim, "model/1", Spend(calls=1), now=NOW)
    assert (await store.ledger.spent(since=NOW)).calls == 1
    await store.records.mark("a", "benign", "a new office", by="me", now=NOW)
    assert [said.alert_id for said in await store.records.marks()] == ["a"]
    pruned = await store.records.prune(NOW + timedelta(days=1))
    assert (pruned.alerts, pruned.investigations, pruned.steps, pruned.marks) == (1, 1, 1, 1)
    await store.close()


async def test_linked_alerts_of_the_first_schema_find_their_leaders(blank_url: str, blank: Engine) -> None:
    """One whose leader is done has its verdict and causes no work; one whose leader is not done waits for it."""
    make_first_schema(blank)
    like_a = """INSERT INTO alerts SELECT :id, detection_id, severity_rank, created_at + :later, content_at, :state,
        :decision, run_number, :id, 0, 0, worker, :due, :due, error, NULL, NULL, NULL, seen_at, updated_at,
        replace(alert, '"id":"a"', :name) FROM alerts WHERE id = 'a'"""
    queued = json.dumps({"outcome": "selected", "reason": "selected", "warning": ""})
    linked = {name: json.dumps({"outcome": "linked", "leader": name, "reason": "same title"}) for name in ("a", "q")}
    skipped = json.dumps({"outcome": "skipped", "code": "status", "reason": "closed"})
    with blank.begin() as connection:
        for later, (name, state, decision, due) in enumerate(
            (
                ("q", "queued", queued, 0),
                ("to-a", "linked", linked["a"], None),
                ("to-q", "linked", linked["q"], None),
                ("s", "skipped", skipped, None),
            )
        ):
            values = {"id": name, "later": later, "state": state, "decision": decision, "due": due}
            connection.execute(text(like_a), {**values, "name": f'"id":"{name}"'})

    store = await open_store(blank_url)

    followed = {leader: [each.alert.id for each in await followers(store, leader)] for leader in ("a", "q", "s")}
    assert followed == {"a": ["to-a"], "q": ["to-q"], "s": []}
    pointer = await store.records.find("to-a")
    assert pointer is not None
    assert (pointer.state, pointer.verdict, pointer.confidence) == (State.LINKED, "benign", 0.75)
    assert (await store.queue.status(now=NOW)).last_day == Ended(done=1, skipped=1)
    leader = await claimed(store)
    assert leader.alert.id == "q"
    assert await store.queue.claim("w", now=NOW, lease_seconds=HOLDS) is None
    await store.queue.finish(leader, investigation(leader), now=NOW)
    assert (await claimed(store)).alert.id == "to-q"
    await store.close()


def m9998_adds_a_table(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE later (id INTEGER)"))


def m9999_fails(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE never (id INTEGER)"))
    raise StoreError("half way")


def test_each_migration_runs_once_in_order(blank: Engine) -> None:
    """What has been applied is not applied again; what is new comes after it."""
    with blank.begin() as connection:
        assert migrate(connection) == tuple(migration.__name__ for migration in MIGRATIONS)
    with blank.begin() as connection:
        assert migrate(connection) == ()
    with blank.begin() as connection:
        assert migrate(connection, (*MIGRATIONS, m9998_adds_a_table)) == ("m9998_adds_a_table",)
    with blank.begin() as connection:
        assert migrate(connection, (*MIGRATIONS, m9998_adds_a_table)) == ()
        assert inspect(connection).has_table("later")


async def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """All that is missing is applied in one transaction, which a failure undoes."""
    store = await open_store(sqlite_url(tmp_path))
    with pytest.raises(StoreError, match="half way"):
        await store.queue.database.write(migrate, (*MIGRATIONS, m9998_adds_a_table, m9999_fails))
    await store.close()

    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == set(metadata.tables)


async def test_processes_that_start_together_migrate_once(blank_url: str) -> None:
    """Several openings of a blank database at once all succeed."""
    stores = await asyncio.gather(*(open_store(blank_url) for _ in range(4)))

    await saved(stores[0], alert("a"))
    assert (await claimed(stores[3])).alert.id == "a"
    for store in stores:
        await store.close()


async def test_a_new_file_that_another_process_is_about_to_write_is_waited_for(tmp_path: Path) -> None:
    """SQLite then refuses the write-ahead log at once, whatever the timeout: a start beside another one failed."""
    path = tmp_path / "state.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    opening = asyncio.create_task(open_store(f"sqlite:///{path}"))
    await asyncio.wait({opening}, timeout=0.3)
    assert not opening.done()
    other.execute("COMMIT")
    other.close()

    await (await opening).close()


async def test_a_database_of_a_newer_version_is_refused(blank_url: str, blank: Engine) -> None:
    """Steps that this version doesn't know are a reason not to touch anything."""
    await (await open_store(blank_url)).close()
    with blank.begin() as connection:
        connection.execute(text("INSERT INTO schema_migrations (name) VALUES ('m0999_from_the_future')"))

    with pytest.raises(StoreError, match=r"newer version .*m0999_from_the_future.*update"):
        await open_store(blank_url)


async def test_everything_outlives_the_process(blank_url: str) -> None:
    """After closing and opening again, claims, steps, results, values and receipts are what they were."""
    store = await open_store(blank_url)
    await saved(store, alert("a"), alert("b"))
    await store.queue.finish(done := await claimed(store), investigation(done), now=NOW)
    held = await claimed(store)
    await store.journal.append(held, "step", "query", 1, now=NOW)
    await store.values.put("cursor", "x", now=NOW)
    await store.values.save_receipt(Receipt(key="comment:a", state="done"), now=NOW)
    await store.close()

    again = await open_store(blank_url)

    assert await again.records.investigation("a") == investigation(done)
    assert await again.journal.recall(held.run_id, "step") == 1
    assert await again.queue.heartbeat(held, now=NOW, lease_seconds=HOLDS)
    assert await again.values.get("cursor") == "x"
    assert await again.values.receipt("comment:a") == Receipt(key="comment:a", state="done")
    await again.close()


# ---- URLs --------------------------------------------------------------------------------------------------------


WRONG_URLS = (
    (ConfigError, "", "is not a database URL"),
    (ConfigError, "triage.db", "is not a database URL"),
    (ConfigError, "postgresql://u:s3cret@host:port/db", "is not a database URL"),
    (ConfigError, "mysql://u:s3cret@host/db", "names mysql; .* sqlite or postgresql"),
    (ConfigError, "postgresql+asyncpg://u:s3cret@host/db", "names postgresql.asyncpg"),
    (ConfigError, "sqlite://", "names no file"),
    (ConfigError, "sqlite:///:memory:", "names no file"),
    (StoreError, "sqlite:////nonexistent/deeper/triage.db", "directory does not exist"),
    (StoreError, "sqlite:////", "is a directory"),
    (StoreError, "sqlite:////tmp/a\x00b", "cannot be made"),
    (StoreError, "postgresql://u:s3cret@127.0.0.1:1/db", r"//u:\*\*\*@127.0.0.1:1/db cannot be reached"),
)


async def test_a_wrong_url_is_one_line_without_the_password() -> None:
    """The error says what is wrong and, where it quotes the URL, hides the password, also in the error behind it. What only
    another configuration mends is an error of the configuration."""
    for kind, url, message in WRONG_URLS:
        with pytest.raises(kind, match=message) as caught:
            await open_store(url)

        assert "\n" not in str(caught.value), url
        assert "s3cret" not in f"{caught.value} {caught.value.__cause__!r}", url


async def test_relative_and_absolute_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three slashes name a file in the working directory, four name one anywhere."""
    monkeypatch.chdir(tmp_path)

    await (await open_store("sqlite:///here.db")).close()
    await (await open_store(f"sqlite:///{tmp_path}/there.db")).close()

    assert set(modes(tmp_path)) == {"here.db", "there.db"}


async def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """The state holds log rows: nobody else reads the file or what SQLite keeps beside it. Existing modes stay."""
    (tmp_path / "shared.db").touch(0o640)
    (tmp_path / "shared.db").chmod(0o640)

    stores = [await open_store(f"sqlite:///{tmp_path}/{name}.db") for name in ("own", "shared")]
    found = modes(tmp_path)
    for store in stores:
        await store.close()

    assert found == {
        f"{name}.db{end}": mode for name, mode in (("own", 0o600), ("shared", 0o640)) for end in ("", "-wal", "-shm")
    }


async def test_a_missing_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    """Whatever the umask allows; one that exists keeps its mode."""
    before = os.umask(0)
    try:
        await (await open_store(f"sqlite:///{tmp_path}/state/triage.db")).close()
    finally:
        os.umask(before)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    (tmp_path / "state").chmod(0o750)

    await (await open_store(f"sqlite:///{tmp_path}/state/triage.db")).close()

    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o750


# ---- SQLite in trouble -------------------------------------------------------------------------------------------


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """Another kind of file is refused and left as it is."""
    path = tmp_path / "state.db"
    path.write_text("# configuration\n" * 100)

    with pytest.raises(StoreError, match=r"state\.db is not an SQLite database; name another file"):
        await open_store(sqlite_url(tmp_path))

    assert path.read_text() == "# configuration\n" * 100


async def test_a_damaged_file(tmp_path: Path) -> None:
    """A broken page is told apart from a wrong file."""
    store = await open_store(sqlite_url(tmp_path))
    await saved(store, *(alert(f"a{number}") for number in range(100)))
    await store.close()
    path = tmp_path / "state.db"
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))

    async def read() -> None:
        store = await open_store(sqlite_url(tmp_path))
        try:
            await store.records.newest()
        finally:
            await store.close()

    with pytest.raises(StoreError, match=r"is damaged; restore a backup"):
        await read()


async def test_a_file_that_another_process_locks(tmp_path: Path) -> None:
    """A writer waits for the lock as long as the URL says, then says who is in the way; later it works again."""
    store = await open_store(f"{sqlite_url(tmp_path)}?timeout=0.05")
    with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"state\.db is locked by another process") as caught:
            await store.values.put("a", 1, now=NOW)
        assert await store.values.get("a") is None

    assert caught.value.retryable
    await store.values.put("a", 1, now=NOW)
    await store.close()


async def test_waiting_for_a_lock_leaves_the_loop_free(tmp_path: Path) -> None:
    """While a write waits for another process, everything else goes on: here, what ends that other write."""
    store = await open_store(sqlite_url(tmp_path))
    with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        write = asyncio.create_task(store.values.put("a", 1, now=NOW))
        await asyncio.sleep(0.05)
        assert not write.done()
        other.execute("COMMIT")
        await write

    assert await store.values.get("a") == 1
    await store.close()


async def test_rows_changed_by_hand(tmp_path: Path) -> None:
    """A stored value that cannot be read is a StoreError, never a bare one of a library; other rows still read."""
    store = await open_store(sqlite_url(tmp_path))
    await saved(store, alert("a"), alert("b"), alert("c"))
    with closing(sqlite3.connect(tmp_path / "state.db")) as other:
        other.execute("UPDATE alerts SET alert = '{' WHERE id = 'a'")
        other.execute("""UPDATE alerts SET alert = '{"id": "b", "unheard_of": 1}' WHERE id = 'b'""")
        other.commit()

    with pytest.raises(StoreError, match="changed by hand"):
        await store.records.find("a")
    with pytest.raises(StoreError, match="holds a Alert that this version cannot read"):
        await store.records.find("b")
    assert await store.records.find("c") is not None
    await store.close()


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Closing finishes what was under way; it may be done twice; afterwards every method refuses."""
    store = await open_store(sqlite_url(tmp_path))
    writes = [asyncio.create_task(store.values.put(f"n{number}", number, now=NOW)) for number in range(20)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*writes)
    await store.close()

    with pytest.raises(StoreError, match="closed"):
        await store.values.get("n1")
    with closing(sqlite3.connect(tmp_path / "state.db")) as other:
        assert other.execute("SELECT count(*) FROM named_values").fetchone() == (20,)


# ---- processes with less than they need --------------------------------------------------------------------------


async def write_much(url: str) -> None:
    store = await open_store(url)
    try:
        for number in range(50):
            await store.values.put(f"name {number}", "x" * 100_000, now=NOW)
    finally:
        await store.close()


def report(url: str, prepare: Callable[[], object], answer: PipeConnection) -> None:
    prepare()
    try:
        asyncio.run(write_much(url))
    except (ConfigError, StoreError) as error:
        answer.send((error.retryable, str(error)))


def refusal(url: str, prepare: Callable[[], object]) -> tuple[bool, str]:
    """Write to a store in another process that `prepare` has deprived of something.

    Returns whether the store's error is worth another try, and the error.
    """
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=report, args=(url, prepare, writer))
    process.start()
    writer.close()
    with reader:
        refused: tuple[bool, str] = reader.recv()
    process.join()
    assert process.exitcode == 0
    return refused


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))


def become(user: pwd.struct_passwd) -> None:
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def hide_psycopg() -> None:
    sys.modules["psycopg"] = None  # type: ignore[assignment]  # this is how an import is made to fail


def test_a_disk_without_space(tmp_path: Path) -> None:
    """A file that may not grow is a failure worth another try; the file stays sound."""
    retryable, said = refusal(sqlite_url(tmp_path), limit_files)

    assert retryable
    assert said.startswith("the state database")
    assert "the disk is full or failing" in said
    with closing(sqlite3.connect(tmp_path / "state.db")) as other:
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_database_that_may_not_grow() -> None:
    """SQLite's own word for a full disk asks for space, and is worth another try."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA max_page_count = 2")
        connection.execute("CREATE TABLE t (a TEXT)")
        with pytest.raises(sqlite3.OperationalError) as caught:
            connection.execute("INSERT INTO t VALUES (?)", ("x" * 100_000,))

    failure = store_error(caught.value, "state.db")

    assert str(failure).startswith("the state database state.db cannot grow: the disk or the quota is full; free some")
    assert failure.retryable


def test_a_file_that_may_not_be_written() -> None:
    """A user without the right to write is told which right is missing."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to make a file and then open it as another user")
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        asyncio.run(write_much(sqlite_url(path)))
        path.chmod(0o755)
        (path / "state.db").chmod(0o644)

        retryable, said = refusal(sqlite_url(path), partial(become, nobody))

    assert not retryable
    assert said.startswith("the state database")
    assert "is read-only: give this user the right to write the file and its directory" in said


def test_postgresql_without_its_driver() -> None:
    """Where psycopg is not installed, the error says what to install."""
    retryable, said = refusal("postgresql://u:s3cret@127.0.0.1:1/db", hide_psycopg)

    assert not retryable
    assert said.startswith("store.url names PostgreSQL, whose driver is not installed")
    assert "pip install '.[postgres]'" in said


# ---- PostgreSQL in trouble ---------------------------------------------------------------------------------------


async def test_a_database_that_does_not_exist() -> None:
    """The server answers, but has no such database: not worth another try."""
    with postgres.database() as url:
        missing = f"{url}_missing"

        with pytest.raises(
            StoreError, match=r'cannot be reached: .*database "triage_test_\w+_missing" does not exist'
        ) as caught:
            await open_store(missing)

    assert not caught.value.retryable


async def test_a_server_that_falls_silent_is_given_up() -> None:
    """A connection whose other end has vanished breaks within a minute, not after the system's two hours; who sets
    it otherwise in the URL has it otherwise."""

    def limits(connection: Connection) -> dict[str, str]:
        driver: Any = connection.connection.driver_connection
        return {name: str(value) for name, value in driver.info.get_parameters().items()}

    with postgres.database() as url:
        for query, idle in (("", "30"), ("?keepalives_idle=7", "7")):
            store = await open_store(url + query)
            found = await store.queue.database.read(limits)
            await store.close()
            assert found["keepalives_idle"] == idle
            assert (found["keepalives_interval"], found["keepalives_count"]) == ("10", "3")
            assert found["tcp_user_timeout"] == "60000"


async def test_connections_that_the_server_closed_are_replaced() -> None:
    """After a restart of the server, the store goes on by itself."""
    with postgres.database() as url:
        store = await open_store(url)
        await asyncio.gather(*(store.values.put(f"n{number}", number, now=NOW) for number in range(8)))
        engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
        with engine.connect() as connection:
            closed = connection.scalars(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'panther-triage' AND datname = current_database()"
                )
            ).all()
        engine.dispose()

        assert closed
        assert await store.values.get("n1") == 1
        assert await store.values.acquire_lease("poller", "one", now=NOW, seconds=HOLDS)
        await store.close()
