"""Invented names for a world to draw from: companies, people, places, programs, projects, documents."""

from dataclasses import dataclass

COMPANIES = ("tidewheel", "copperfinch", "hollowpine", "saltmeridian", "emberlane", "northquay")

GIVEN = (
    "Agathe", "Alvaro", "Aoife", "Bertil", "Catalina", "Cedric", "Daiki", "Davor", "Eluned", "Esteban", "Fumiko",
    "Gideon", "Halina", "Hamza", "Ingeborg", "Isandro", "Jadwiga", "Kwame", "Lars", "Ludmila", "Magnus", "Mireille",
    "Nathalie", "Noor", "Oskar", "Paloma", "Pekka", "Ragnhild", "Rosalind", "Sachiko", "Severin", "Siobhan", "Tadeo",
    "Thandiwe", "Tobias", "Urszula", "Vasile", "Wendeline", "Yannick", "Zofia", "Marisol", "Anselm", "Keiko", "Duarte",
)  # fmt: skip
FAMILY = (
    "Abernathy", "Almeida", "Barzani", "Bellweather", "Cardozo", "Cavendish", "Dragan", "Duquesne", "Espinoza", "Falk",
    "Feldt", "Gunnarsson", "Hasegawa", "Holloway", "Ilves", "Inoue", "Jaramillo", "Kestrel", "Kirwan", "Lachance",
    "Lammers", "Mbeki", "Morozova", "Nightingale", "Nunes", "Oduya", "Ostrander", "Pemberton", "Pinheiro", "Raud",
    "Rutherford", "Saarinen", "Sakamoto", "Tamm", "Teixeira", "Ulanov", "Vandermeer", "Vasquez", "Winterbourne",
    "Yamashita", "Zawadzki", "Ashdown", "Kobayashi", "Lindgren",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address is, as an identity provider reports it; `offset` in hours east of UTC."""

    city: str
    state: str
    country: str
    code: str
    latitude: float
    longitude: float
    offset: int
    carrier: str
    asn: int
    """From the range for documentation (RFC 5398)."""


OFFICES = (
    Place("Lisbon", "Lisbon", "Portugal", "PT", 38.72, -9.14, 0, "Tagus Fibra", 64496),
    Place("Tallinn", "Harju", "Estonia", "EE", 59.44, 24.75, 2, "Baltnet", 64497),
    Place("Vancouver", "British Columbia", "Canada", "CA", 49.28, -123.12, -8, "Coastline Cable", 64498),
    Place("Nagoya", "Aichi", "Japan", "JP", 35.18, 136.91, 9, "Chubu Hikari", 64499),
)

ELSEWHERE = (
    Place("Aarhus", "Midtjylland", "Denmark", "DK", 56.16, 10.2, 1, "Jysk Bredbaand", 64500),
    Place("Valencia", "Valencia", "Spain", "ES", 39.47, -0.38, 1, "Levante Fibra", 64501),
    Place("Santiago", "Santiago Metropolitan", "Chile", "CL", -33.45, -70.67, -4, "Mapocho Cable", 64502),
    Place("Chiang Mai", "Chiang Mai", "Thailand", "TH", 18.79, 98.98, 7, "Lanna Broadband", 64503),
    Place("Denver", "Colorado", "United States", "US", 39.74, -104.99, -7, "Front Range Net", 64504),
    Place("Accra", "Greater Accra", "Ghana", "GH", 5.6, -0.19, 0, "Volta Online", 64505),
    Place("Ljubljana", "Ljubljana", "Slovenia", "SI", 46.05, 14.51, 1, "Sava Telekom", 64506),
    Place("Adelaide", "South Australia", "Australia", "AU", -34.93, 138.6, 10, "Gulf Broadband", 64507),
)

BROWSERS = (
    (
        "Mac OS X",
        "CHROME",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    ),
    (
        "Windows 10",
        "EDGE",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
    ),
    ("Linux", "FIREFOX", "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"),
    (
        "Windows 10",
        "CHROME",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    ),
    (
        "Mac OS X",
        "SAFARI",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15",
    ),
)
COMMAND_LINES = (
    "aws-cli/2.19.1 md/awscrt#0.22.0 ua/2.0 os/macos#24.1.0 md/arch#arm64 lang/python#3.12.6",
    "aws-cli/2.18.5 md/awscrt#0.22.0 ua/2.0 os/linux#6.5.0 md/arch#x86_64 lang/python#3.12.6",
    "Boto3/1.35.50 md/Botocore#1.35.50 ua/2.0 os/linux#6.5.0 md/arch#x86_64 lang/python#3.11.10",
)
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.8.4 (+https://www.terraform.io) terraform-provider-aws/5.74.0 aws-sdk-go-v2/1.32.2 os/linux lang/go#1.23.1"

REPOSITORIES = (
    "ledger-core", "ledger-web", "mobile-app", "rates-feed", "notify", "infra-live", "infra-modules", "search-index",
    "partner-gateway", "reporting", "design-system", "runbooks", "data-jobs", "identity-sync",
)  # fmt: skip
VOLUMES = ("ledger-db", "search-data", "reporting-db", "build-cache")
SECRETS = (
    "ledger/db", "ledger/signing", "rates/api", "notify/smtp", "notify/push", "partner/token", "partner/mtls",
    "search/admin", "reporting/db", "mobile/store", "identity/scim", "identity/webhook", "billing/api", "backup/kms",
    "build/registry", "queue/broker",
)  # fmt: skip
SUBJECTS = {
    "platform": ("capacity plan", "on-call notes", "incident review", "network diagram", "cost board"),
    "engineering": ("design note", "roadmap", "sprint board", "architecture record", "release plan", "load test"),
    "data": ("metric glossary", "model card", "pipeline map", "experiment log"),
    "security": ("risk register", "access review", "policy draft", "vendor review"),
    "it": ("asset list", "onboarding guide", "licence count"),
    "finance": ("forecast", "invoice run", "payroll summary", "audit folder", "budget", "cash plan"),
    "people": ("hiring plan", "handbook", "review cycle"),
    "sales": ("account plan", "price list", "pipeline review", "proposal", "customer list"),
}
APPS = ("Google Workspace", "Slack", "GitHub Enterprise Cloud", "Jira", "Zoom", "Confluence", "Expensify")
AWS_APP = "AWS IAM Identity Center"
