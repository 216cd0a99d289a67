"""Every kind of destination against a receiver on loopback: what arrives, and what is known where it may not have."""

import json
import logging
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.support.clocks import FakeClock
from tests.support.make import NOW
from tests.support.receivers import (
    FakeJira,
    Mailbox,
    Received,
    Receiver,
    Reply,
    mailing,
    make_certificate,
    receiving,
)
from tests.support.shared import ROOT
from triage.domain.redaction import know_own_secrets
from triage.domain.verdict import Disposition
from triage.edges.routes import open_destination
from triage.edges.routes.apprise_destination import AppriseDestination
from triage.errors import ConfigError, RouteError
from triage.ports import Delivery, Destination, RouteMessage
from triage.settings import RouteSettings, RoutesSettings
from triage.settings.routes import secret_parts

pytestmark = pytest.mark.anyio

SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
TEAMS = (
    "https://prod-1.westus.logic.azure.com:443/workflows/643e69f83c8944438d68119179a10a64/triggers/manual/paths/invoke"
    "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=KODuebWbDGYFr0z0eu-6Rj8aUKz7108W3wrNJZxFE5A"
)
PAGERDUTY = f"pagerduty://{'a1' * 16}@{'b2' * 10}"
OPSGENIE = "opsgenie://4b4a9a16-9e18-4a1c-9c3b-7c1d0a1a2b3c"
ADDRESSES = {"slack": SLACK, "teams": TEAMS, "pagerduty": PAGERDUTY, "opsgenie": OPSGENIE}


def message(**changes: object) -> RouteMessage:
    plain = RouteMessage(
        key="soc:a1:run-1",
        route="soc",
        alert_id="a1",
        run_id="run-1",
        title="Malicious (confidence high): likely account takeover of mira",
        body="HIGH alert: Something happened\n\nmira signed in from <!channel> 203.0.113.9 & left",
        verdict=Disposition.MALICIOUS,
        link="https://example.runpanther.net/alerts-and-errors/a1",
        digest="d",
        gist="g",
        created_at=NOW,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def services(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """All services in one: a proxy in which every tunnel ends, and whose certificate is trusted."""
    with receiving(Receiver(), certificate) as receiver:
        monkeypatch.setenv("HTTPS_PROXY", receiver.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
        monkeypatch.delenv("NO_PROXY", raising=False)
        yield receiver


def accepts(request: Received) -> Reply:
    """The success of each service."""
    return {
        "hooks.slack.com": (200, b"ok"),
        "events.pagerduty.com": (202, b'{"status": "success"}'),
        "api.opsgenie.com": (202, b'{"result": "Request will be processed", "requestId": "43a29c5c"}'),
        "prod-1.westus.logic.azure.com": (202, b""),
    }[request.host]


@pytest.mark.parametrize("kind", ADDRESSES)
async def test_each_service_gets_the_message(services: Receiver, kind: str) -> None:
    """One request to the service's own host over checked TLS, with title and text, and no picture from elsewhere."""
    services.reply = accepts
    destination = AppriseDestination("soc", ADDRESSES[kind])
    assert destination.kind == kind
    assert await destination.send(message(), None) == ""
    (request,) = services.received
    # Teams reads Markdown, in which a backslash makes a full stop one.
    text = request.body.decode().replace("\\\\", "")
    assert request.method == "POST"
    assert "likely account takeover of mira" in text
    assert "203.0.113.9" in text
    for known in ("http://adaptivecards.io/schemas/adaptive-card.json", message().link):
        text = text.replace(known, "")
    assert "http" not in text


async def test_slack_takes_nothing_for_a_call(services: Receiver) -> None:
    """What a log says is escaped, so that no channel is called."""
    services.reply = accepts
    await AppriseDestination("soc", SLACK).send(message(), None)
    text = services.received[0].body.decode()
    assert "<!channel>" not in text
    assert "&lt;!channel&gt;" in text


async def test_pagerduty_has_one_incident_per_alert(services: Receiver) -> None:
    """Two results of an alert have one deduplication key, another alert has another; severity follows the verdict."""
    services.reply = accepts
    destination = AppriseDestination("soc", PAGERDUTY)
    await destination.send(message(), None)
    await destination.send(message(key="soc:a1:run-2", verdict=Disposition.SUSPICIOUS), None)
    await destination.send(message(key="soc:a2:run-1", alert_id="a2"), None)
    first, second, other = (request.json for request in services.received)
    assert first["dedup_key"] == second["dedup_key"] != other["dedup_key"]
    assert (first["payload"]["severity"], second["payload"]["severity"]) == ("critical", "warning")
    assert first["event_action"] == second["event_action"] == "trigger"
    assert first["payload"]["summary"] == message().title
    assert first["payload"]["custom_details"] == {"finding": message().body}
    assert first["links"] == [{"href": message().link}]


async def test_opsgenie_knows_each_result_by_its_alias(services: Receiver) -> None:
    """The same result again has the same alias, another result another one; even a reassuring one creates an alert."""
    services.reply = accepts
    destination = AppriseDestination("soc", OPSGENIE)
    await destination.send(message(verdict=Disposition.BENIGN), None)
    await destination.send(message(verdict=Disposition.INCONCLUSIVE), None)
    await destination.send(message(key="soc:a1:run-2"), None)
    one, again, other = (request.json["alias"] for request in services.received)
    assert one == again != other


async def test_a_webhook_gets_a_key_for_each_result() -> None:
    """JSON with title, message, verdict and alert; the key is in the body and in `Idempotency-Key`."""
    with receiving(Receiver()) as receiver:
        destination = AppriseDestination("soc", f"{receiver.url.replace('http', 'json')}/in?+X-Team=soc")
        assert destination.kind == "webhook"
        await destination.send(message(), None)
        await destination.send(message(), None)
    one, again = receiver.received
    assert one.json["title"] == message().title
    assert one.json["message"] == message().body
    assert (one.json["verdict"], one.json["alert_id"], one.headers["x-team"]) == ("malicious", "a1", "soc")
    assert one.json["dedup_key"] == one.headers["idempotency-key"] == again.json["dedup_key"]


async def test_a_mail_arrives() -> None:
    """With the title as its subject and the text as text."""
    with mailing(Mailbox()) as mailbox:
        address = f"mailto://127.0.0.1:{mailbox.port}?from=triage@example.com&to=soc@example.com"
        destination = AppriseDestination("soc", address)
        assert destination.kind == "mail"
        await destination.send(message(), None)
    (text,) = mailbox.messages
    assert "Subject: Malicious" in text
    assert "text/plain" in text
    assert "soc@example.com" in text


@pytest.mark.parametrize("kind", ADDRESSES)
@pytest.mark.parametrize(
    ("status", "retryable", "unknown"),
    [(429, True, False), (503, True, False), (403, False, False), (302, False, False), (500, False, True)],
)
async def test_a_refusal_says_whether_to_try_again(
    services: Receiver, kind: str, status: int, retryable: bool, unknown: bool
) -> None:
    """A limit is tried again, a refusal is not, and a failed server may have acted. A redirect is not followed."""
    services.reply = lambda _request: (status, b"{}")
    with pytest.raises(RouteError) as caught:
        await AppriseDestination("soc", ADDRESSES[kind]).send(message(), None)
    assert (caught.value.retryable, caught.value.outcome_unknown) == (retryable, unknown)
    assert len(services.received) == 1


async def test_of_several_targets_one_may_have_it(services: Receiver) -> None:
    """The first channel has the message and the second is at its limit: another try would tell the first one twice."""
    replies = iter([(200, b"ok"), (429, b"slow down")])
    services.reply = lambda _request: next(replies)
    with pytest.raises(RouteError) as caught:
        await AppriseDestination("soc", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#one/#two").send(
            message(), None
        )
    assert len(services.received) == 2
    assert (caught.value.retryable, caught.value.outcome_unknown) == (False, True)


@pytest.mark.parametrize("kind", ADDRESSES)
async def test_a_lost_answer_is_known_as_one(services: Receiver, kind: str) -> None:
    """The request was taken and the connection ended: it may have arrived."""
    services.reply = lambda _request: None
    with pytest.raises(RouteError) as caught:
        await AppriseDestination("soc", ADDRESSES[kind]).send(message(body="it said error=429."), None)
    assert caught.value.outcome_unknown


async def test_a_mail_without_an_answer_may_have_arrived() -> None:
    """The connection ended after the text."""
    with mailing(Mailbox(answers=False)) as mailbox, pytest.raises(RouteError) as caught:
        await AppriseDestination("soc", f"mailto://127.0.0.1:{mailbox.port}?from=a@example.com").send(message(), None)
    assert caught.value.outcome_unknown


@pytest.mark.parametrize("address", ["json://127.0.0.1:9/x", "mailto://127.0.0.1:9?from=a@example.com"])
async def test_where_nobody_listens_it_is_tried_again(address: str) -> None:
    """Without a connection nothing can have arrived."""
    with pytest.raises(RouteError) as caught:
        await AppriseDestination("soc", address).send(message(), None)
    assert caught.value.retryable
    assert not caught.value.outcome_unknown


async def test_a_server_that_keeps_silent_is_left_at_the_deadline() -> None:
    """The caller goes on; the outcome is unknown."""

    def waits(_request: Received) -> Reply:
        time.sleep(1)
        return None

    with receiving(Receiver(reply=waits)) as receiver, pytest.raises(RouteError, match=r"within 0\.2 s") as caught:
        await AppriseDestination("soc", receiver.url.replace("http", "json"), seconds=0.2).send(message(), None)
    assert caught.value.outcome_unknown


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("gibberish", "none that apprise knows"),
        ("slack://T1JJ3T3L2", "lacks something"),
        ("json://hooks.example.com/in", "use jsons://"),
        ("form://hooks.example.com/in", "use forms://"),
        ("mailto://triage:password@smtp.example.com?to=soc@example.com", "use mailtos://"),
        ("jsons://hooks.example.com/in?verify=no", "take `verify` out"),
        ("jsons://hooks.example.com/in?redirect=yes", "take `redirect` out"),
        ("jsons://hooks.example.com/in?retry=3", "take `retry` out"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(address: str, said: str) -> None:
    """In one line, which does not quote it."""
    with pytest.raises(ConfigError, match=said) as caught:
        AppriseDestination("soc", address)
    assert address not in str(caught.value)


class _Lines(logging.Handler):
    """Keeps what reaches the root logger."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.mark.parametrize("kind", ADDRESSES)
async def test_no_error_and_no_log_line_holds_the_token(services: Receiver, kind: str) -> None:
    """Not even where the server quotes it, and with every logger at its most talkative."""
    route = RouteSettings.model_validate({"name": "soc", "url_env": "X", "url": ADDRESSES[kind]})
    secrets = [part for part in secret_parts(route.url.get_secret_value()) if len(part) >= 16]
    know_own_secrets(secrets)
    services.reply = lambda request: (403, request.target.encode() + request.body)
    seen, root = _Lines(), logging.getLogger()
    before = root.level
    root.addHandler(seen)
    root.setLevel(1)
    try:
        with pytest.raises(RouteError) as caught:
            await open_destination(route, FakeClock()).send(message(), None)
    finally:
        root.setLevel(before)
        root.removeHandler(seen)
    assert secrets
    for secret in secrets:
        assert secret not in str(caught.value)
        assert secret not in repr(route)
        assert not any(secret in line for line in seen.lines)


# ---- Jira --------------------------------------------------------------------------------------------------------


def jira(receiver: Receiver, fake: FakeJira, *, user: bool = True) -> Destination:
    project = {"url": receiver.url, "project": "SEC", "issue_type": "Incident"}
    route = RouteSettings.model_validate(
        {
            "name": "tickets",
            "url_env": "X",
            "url": fake.token,
            "jira": project | ({"user": fake.user} if user else {}),
        }
    )
    return open_destination(route, FakeClock())


@pytest.mark.parametrize("data_center", [False, True])
async def test_an_alert_has_one_issue_which_is_changed(data_center: bool) -> None:
    """The first result creates it and links the alert, a further one changes it; on Cloud and on Data Center."""
    fake = FakeJira(data_center=data_center)
    with receiving(Receiver(reply=fake)) as receiver:
        destination = jira(receiver, fake, user=not data_center)
        key = await destination.send(message(), None)
        again = await destination.send(
            message(key="soc:a1:run-2", title="Benign (confidence high)"), message(reference=key)
        )
        await destination.close()
    assert key == again == "SEC-1"
    (issue,) = fake.issues.values()
    assert issue["summary"] == "Benign (confidence high)"
    assert (issue["project"], issue["issuetype"]) == ({"key": "SEC"}, {"name": "Incident"})
    assert fake.links == {"SEC-1 panther-alert=a1": {"url": message().link, "title": "Alert"}}


async def test_an_issue_whose_creation_had_no_answer_is_found() -> None:
    """Sending once more finds it by its label, and creates no second one."""
    fake = FakeJira(lose=1)
    with receiving(Receiver(reply=fake)) as receiver:
        destination = jira(receiver, fake)
        with pytest.raises(RouteError) as caught:
            await destination.send(message(), None)
        key = await destination.send(message(), None)
        await destination.close()
    assert caught.value.outcome_unknown
    assert destination.delivery is Delivery.LOOKED_UP
    assert (key, list(fake.issues)) == ("SEC-1", ["SEC-1"])


async def test_an_issue_that_was_deleted_is_made_anew() -> None:
    """The key that is known leads nowhere any more."""
    fake = FakeJira()
    with receiving(Receiver(reply=fake)) as receiver:
        destination = jira(receiver, fake)
        assert await destination.send(message(), message(reference="SEC-99")) == "SEC-1"
        await destination.close()


@pytest.mark.parametrize(("status", "retryable"), [(429, True), (503, True), (500, True), (400, False), (401, False)])
async def test_what_jira_refuses(status: int, retryable: bool) -> None:
    """A read that failed may be tried again; a refusal may not."""
    fake = FakeJira(refuse=[status])
    with receiving(Receiver(reply=fake)) as receiver:
        destination = jira(receiver, fake)
        with pytest.raises(RouteError, match=f"HTTP {status}") as caught:
            await destination.send(message(), None)
        await destination.close()
    assert (caught.value.retryable, caught.value.outcome_unknown) == (retryable, False)
    assert fake.issues == {}


@pytest.mark.parametrize("key", ["SEC-1/../../user?x=", "\x1b[31mSEC-1", "", "SEC"])
async def test_a_key_that_is_none_goes_nowhere(key: str) -> None:
    """It would become part of a path and of what a terminal shows."""
    fake = FakeJira()

    def odd(request: Received) -> Reply:
        if request.method == "POST" and request.target.endswith("/issue"):
            return 201, json.dumps({"key": key}).encode()
        return fake(request)

    with receiving(Receiver(reply=odd)) as receiver:
        destination = jira(receiver, fake)
        with pytest.raises(RouteError) as caught:
            await destination.send(message(), None)
        await destination.close()
    assert caught.value.outcome_unknown
    assert [path for _, path in fake.requests if path.startswith("/issue")] == []


async def test_the_issue_is_worth_having_without_its_link() -> None:
    """A token that may not link issues loses no message."""
    fake = FakeJira()
    with receiving(Receiver(reply=lambda r: (403, b"{}") if "remotelink" in r.target else fake(r))) as receiver:
        destination = jira(receiver, fake)
        assert await destination.send(message(), None) == "SEC-1"
        await destination.close()


async def test_markup_in_a_log_stays_text() -> None:
    """The description is one block in which nothing acts, and which nothing ends early."""
    fake = FakeJira()
    with receiving(Receiver(reply=fake)) as receiver:
        destination = jira(receiver, fake)
        await destination.send(message(body="[~admin] {noformat} !http://198.51.100.1/x.png!"), None)
        await destination.close()
    text = fake.issues["SEC-1"]["description"]
    assert text.startswith("{noformat}\n")
    assert text.count("{noformat}") == 2


# ---- docs/routes.md ----------------------------------------------------------------------------------------------

DOCUMENT = (ROOT / "docs" / "routes.md").read_text("utf-8")
SHOWN = re.findall(r"^export TRIAGE_([A-Z]+)_URL='(.+)'$", DOCUMENT, re.MULTILINE)


@pytest.mark.parametrize(("name", "address"), SHOWN)
def test_each_address_of_the_document_is_one(name: str, address: str) -> None:
    """And it is of the kind that its heading says."""
    assert AppriseDestination("soc", address).kind == name.lower()


def test_the_document_has_every_kind() -> None:
    """Six addresses and Jira, and what each promises."""
    assert [name for name, _ in SHOWN] == ["SLACK", "TEAMS", "MAIL", "PAGERDUTY", "OPSGENIE", "WEBHOOK"]
    rows = dict(
        re.findall(r"^\| ([A-Za-z, ]+) \| (exactly once|at least once|at most once) \|", DOCUMENT, re.MULTILINE)
    )
    promised = {Delivery.DEDUPLICATED: "at least once", Delivery.AT_MOST_ONCE: "at most once"}
    for name, address in SHOWN:
        delivery = AppriseDestination("soc", address).delivery
        (row,) = [said for kinds, said in rows.items() if name in kinds.upper().split(", ")]
        assert row == promised[delivery]
    assert rows["Jira"] == "exactly once"


def test_the_example_of_the_document_loads() -> None:
    """Its section, and its route to Jira."""
    section, ticket = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    RoutesSettings.model_validate(yaml.safe_load(section)["routes"])
    RoutesSettings.model_validate({"to": yaml.safe_load(ticket)})
