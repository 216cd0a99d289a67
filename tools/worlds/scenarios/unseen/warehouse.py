"""Snowflake: the list of addresses from which people may log in."""

from tools.worlds.cast import Cast
from tools.worlds.lake import Scribe
from tools.worlds.records import snowflake
from tools.worlds.records.aws import pace
from tools.worlds.scenarios.stage import Stage, part, past

from .case import Case

_ROLE = "SECURITYADMIN"


def _query(stage: Stage, minutes: float, text: str, kind: str) -> None:
    at = stage.after(minutes, minutes + 1) if minutes else stage.at
    snowflake.query(stage.scribe, at, stage.person, text, kind, role=_ROLE, decisive=True)


def _unset(stage: Stage) -> None:
    snowflake.login(stage.scribe, stage.before(7), stage.person, stage.where.address, decisive=True)
    snowflake.query(stage.scribe, stage.before(4), stage.person, "SHOW NETWORK POLICIES", "SHOW", role=_ROLE)
    _query(stage, 0, "ALTER ACCOUNT UNSET NETWORK_POLICY", "ALTER_ACCOUNT")


def _replace(stage: Stage) -> None:
    """A list is replaced by a longer one."""
    _unset(stage)
    name = f"OFFICES_{stage.dice.between(10, 99)}"
    _query(
        stage, 1, f"CREATE NETWORK POLICY {name} ALLOWED_IP_LIST = ('{stage.where.address}')", "CREATE_NETWORK_POLICY"
    )
    _query(stage, 3, f"ALTER ACCOUNT SET NETWORK_POLICY = {name}", "ALTER_ACCOUNT")
    _query(stage, 5, "SHOW PARAMETERS LIKE 'network_policy' IN ACCOUNT", "SHOW")


def _history(scribe: Scribe, cast: Cast) -> None:
    for index, days_ago in ((0, 25), (3, 11)):
        _replace(past(scribe.aside("policy"), cast, cast.branch.colleagues["analytics"][index], days_ago))


def replaced(stage: Stage) -> None:
    """A new list is in force minutes later."""
    _replace(stage)


def removed(stage: Stage) -> None:
    """No list is set; a loader's user, who only writes, reads customers from an address never seen."""
    _unset(stage)
    where = stage.elsewhere()
    # The key of the loader was copied; only the list of addresses kept others from using it.
    snowflake.login(
        stage.scribe, stage.after(6, 9), "LOADER_WEB", where.address, factor="RSA_KEYPAIR", client="JDBC_DRIVER",
        version="3.19.0", decisive=True,
    )  # fmt: skip
    for moment in pace(stage.dice, stage.after(11, 13), 3, 30, 110):
        snowflake.query(
            stage.scribe, moment, "LOADER_WEB", "SELECT * FROM customers", "SELECT", role="LOADER", decisive=True
        )


CASES = (
    Case(
        (
            part(
                "addresses/replaced",
                "benign",
                "Another list is in force within minutes, as after the changes of colleagues.",
                replaced,
                team="analytics",
                hours_ago=11,
            ),
            part(
                "addresses/removed",
                "malicious",
                "Usual actor and address; no list follows, and a loader's user reads customers from an unknown address.",
                removed,
                team="analytics",
                hours_ago=11,
                subtle=True,
            ),
        ),
        _history,
    ),
)
