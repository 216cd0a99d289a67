"""Documents that leave: shared with outsiders, or downloaded in bulk."""

from datetime import datetime, timedelta

from tools.worlds.cast import Cast
from tools.worlds.company import AUDITOR, CUSTOMER, Person
from tools.worlds.days import day_at
from tools.worlds.lake import Scribe
from tools.worlds.records import aws, gsuite, okta

from .scenario import Scenario, earlier, recent

_PRIVATE_MAIL = "quillpost.example"
_BULK = 36
# Team, member, days ago.
_AUDITED = ((0, 26), (1, 19), (0, 12), (1, 6))
_SOLD = ((0, 23), (2, 15), (0, 8))
_EXPORTED = ((2, 22), (3, 16), (2, 9))


def history(scribe: Scribe, _cast: Cast) -> None:
    """Finance works with auditors, sales with customers, and two people have handed in their notice."""
    company = scribe.company
    for team, runs, receiver in (("finance", _AUDITED, AUDITOR), ("sales", _SOLD, CUSTOMER)):
        for index, days_ago in runs:
            own, person = scribe.aside(team, days_ago), company.team(team)[index]
            paper = own.dice.pick(company.documents[team])
            _share(own, earlier(own, person, days_ago), person, [paper], _guest(own, receiver))
    for index, days_ago in _EXPORTED:
        own, person = scribe.aside("export", days_ago), company.team("finance")[index]
        _export(own, earlier(own, person, days_ago), person)
    _notices(scribe.aside("notices"))


def _notices(scribe: Scribe) -> None:
    clerk = scribe.company.team("people")[1]
    group = okta.thing("UserGroup", "Offboarding", "00g" + scribe.company.dice.child("offboarding").hex(17))
    for index, leaver in enumerate(scribe.company.team("sales")[:2]):
        at = earlier(scribe, clerk, 4 + index)
        using = day_at(scribe, clerk, at).client
        okta.event(scribe, at, clerk, using, "group.user_membership.add", about=[leaver], targets=[group])


def _guest(scribe: Scribe, email: str) -> gsuite.Account:
    return gsuite.guest(scribe, email, scribe.company.guests[email])


def _share(scribe: Scribe, at: datetime, person: Person, papers: list[gsuite.Document], target: gsuite.Account) -> None:
    """Each paper is shared, and opened by the receiver within half an hour."""
    account = gsuite.account(person, day_at(scribe, person, at).presence)
    for moment, paper in zip(aws.pace(scribe.dice, at, len(papers), 50, 200), papers, strict=True):
        gsuite.share(scribe, moment, account, paper, target.email, decisive=True)
        opened = moment + scribe.dice.minutes(15, 30)
        gsuite.drive(scribe, opened, target, "view", paper, visibility="shared_externally", decisive=True)


def shared_with_auditor(scribe: Scribe, _cast: Cast) -> None:
    """Three more papers for the auditors."""
    person = scribe.company.team("finance")[0]
    papers = scribe.dice.sample(scribe.company.documents["finance"], 3)
    _share(scribe, recent(scribe, person, 13.4), person, papers, _guest(scribe, AUDITOR))


def shared_with_self(scribe: Scribe, _cast: Cast) -> None:
    """Somebody under notice shares papers of other teams with an address that is opened at their own home."""
    person = scribe.company.team("sales")[0]
    documents = scribe.company.documents
    papers = [scribe.dice.pick(documents[team]) for team in ("engineering", "finance", "people")]
    email = f"{person.given}.{person.family[0]}@{_PRIVATE_MAIL}".lower()
    target = gsuite.guest(scribe, email, scribe.company.home(person))
    _share(scribe, recent(scribe, person, 13.0), person, papers, target)


def _download(scribe: Scribe, at: datetime, person: Person, papers: list[gsuite.Document]) -> None:
    account = gsuite.account(person, day_at(scribe, person, at).presence)
    for moment, paper in zip(aws.pace(scribe.dice, at, len(papers), 15, 60), papers, strict=True):
        gsuite.drive(scribe, moment, account, "download", paper, decisive=True)


def _export(scribe: Scribe, at: datetime, person: Person) -> None:
    """A team's own papers are downloaded and put back as one archive."""
    documents = scribe.company.documents["finance"]
    _download(scribe, at, person, scribe.dice.sample(documents, _BULK))
    archive = ("1" + scribe.ids.base32(32), f"{scribe.company.org} audit folder archive", person)
    account = gsuite.account(person, day_at(scribe, person, at).presence)
    gsuite.drive(scribe, at + timedelta(minutes=42), account, "upload", archive, decisive=True)


def exported_by_owner(scribe: Scribe, _cast: Cast) -> None:
    """The regular export."""
    person = scribe.company.team("finance")[2]
    _export(scribe, recent(scribe, person, 13.8), person)


def taken_by_leaver(scribe: Scribe, _cast: Cast) -> None:
    """Somebody under notice downloads papers of teams whose work they never read."""
    person = scribe.company.team("sales")[1]
    documents = scribe.company.documents
    papers = scribe.dice.sample([*documents["engineering"], *documents["data"], *documents["finance"]], _BULK)
    _download(scribe, recent(scribe, person, 13.3), person, papers)


SCENARIOS = (
    Scenario(
        "share/auditor",
        "benign",
        "The domain has received papers of this team for weeks, opened from the same address as now.",
        shared_with_auditor,
    ),
    Scenario(
        "share/self",
        "malicious",
        "Under notice; other teams' papers go to a domain never seen, and are opened from the sharer's own home.",
        shared_with_self,
    ),
    Scenario(
        "bulk/export",
        "benign",
        "The team's own papers, exported as every week, and put back as an archive.",
        exported_by_owner,
    ),
    Scenario(
        "bulk/leaver",
        "malicious",
        "Under notice; papers of teams whose documents this person never opened, and nothing is put back.",
        taken_by_leaver,
    ),
)
