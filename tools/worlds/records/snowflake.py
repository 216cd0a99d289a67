"""Snowflake.LoginHistory and Snowflake.QueryHistory records."""

from datetime import datetime

from tools.worlds.company import Person
from tools.worlds.lake import Indicators, LogType, Record, Scribe
from tools.worlds.worktime import stamp


def user_name(user: Person | str) -> str:
    """The name of a Snowflake user: of a person, or of a program."""
    return user if isinstance(user, str) else user.user.upper().replace(".", "_")


def login(
    scribe: Scribe,
    at: datetime,
    user: Person | str,
    address: str,
    *,
    factor: str = "SAML2_ASSERTION",
    client: str = "SNOWFLAKE_UI",
    version: str = "1.1",
    failed: bool = False,
    decisive: bool = False,
) -> None:
    """A login, by a person or a program."""
    name = user_name(user)
    record: Record = {
        "EVENT_ID": scribe.ids.digits(15),
        "EVENT_TIMESTAMP": stamp(at),
        "EVENT_TYPE": "LOGIN",
        "USER_NAME": name,
        "CLIENT_IP": address,
        "REPORTED_CLIENT_TYPE": client,
        "REPORTED_CLIENT_VERSION": version,
        "FIRST_AUTHENTICATION_FACTOR": factor,
        "SECOND_AUTHENTICATION_FACTOR": None,
        "IS_SUCCESS": "NO" if failed else "YES",
        "ERROR_CODE": 390100 if failed else None,
        "ERROR_MESSAGE": "INCORRECT_USERNAME_PASSWORD" if failed else None,
        "RELATED_EVENT_ID": "0",
    }
    found = Indicators(ips=[address], usernames=_names(user), emails=_emails(user))
    scribe.write(LogType.WAREHOUSE_LOGIN, at, record, found, decisive=decisive)


def query(
    scribe: Scribe,
    at: datetime,
    user: Person | str,
    text: str,
    kind: str,
    *,
    role: str = "ANALYST",
    tag: str = "",
    failed: bool = False,
    decisive: bool = False,
) -> None:
    """A statement that somebody ran; `kind` is Snowflake's name for it, such as `SELECT` or `UNLOAD`."""
    record: Record = {
        "QUERY_ID": scribe.ids.uuid(),
        "QUERY_TEXT": text,
        "QUERY_TYPE": kind,
        "QUERY_TAG": tag,
        "DATABASE_NAME": "SHOP",
        "SCHEMA_NAME": "PUBLIC",
        "SESSION_ID": scribe.ids.digits(14),
        "USER_NAME": user_name(user),
        "ROLE_NAME": role,
        "WAREHOUSE_NAME": "SHOP_WH",
        "EXECUTION_STATUS": "FAIL" if failed else "SUCCESS",
        "START_TIME": stamp(at),
        "ROWS_PRODUCED": scribe.ids.between(1, 90_000),
        "BYTES_SCANNED": scribe.ids.between(10_000, 900_000_000),
    }
    found = Indicators(usernames=_names(user), emails=_emails(user))
    scribe.write(LogType.WAREHOUSE_QUERY, at, record, found, decisive=decisive)


def _names(user: Person | str) -> list[str]:
    return [user_name(user)] if isinstance(user, str) else [user_name(user), user.user]


def _emails(user: Person | str) -> list[str]:
    return [] if isinstance(user, str) else [user.email]
