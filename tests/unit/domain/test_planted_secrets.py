"""Secrets as people and programs write them down, planted in texts and records: none is left."""

import json

import pytest

from triage.domain.redaction import redact, redact_json

S = "Zq8vLm2XwT4bNc7R"
AWS = "wJalrXUtnFEMIK7MDENGbPxRfiCYzzzKEY01abcd"
PIECES = "\u200b".join("A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8")

FORMS: dict[str, object] = {
    "auth token": f"Authorization: Token {S}",
    "auth apikey": f"authorization: ApiKey {S}",
    "DB_PASS": f"DB_PASS={S}",
    "db_pass json": {"DB_PASS": S},
    "param": {"ParameterKey": "MasterUserPassword", "ParameterValue": S},
    "param2": json.dumps([{"ParameterKey": "DBPassword", "ParameterValue": S}]),
    "xml": f"<password>{S}</password>",
    "xml attr": f'<add key="ApiKey" value="{S}"/>',
    "argv": ["mysql", "-u", "root", f"-p{S}"],
    "argv2": ["psql", "--password", S],
    "argv3": ["curl", "-u", f"bob:{S}", "https://x"],
    "argvtext": json.dumps(["tool", "--password", S]),
    "mysql": f"mysql -u root -p{S} -h db",
    "mysqldump": f"mysqldump --user=a -p'{S}' db",
    "curl": f"curl -u admin:{S} https://x/y",
    "curl2": f"curl --user admin:{S} https://x",
    "netuse": f"net use Z: \\\\srv\\share {S} /user:corp\\bob",
    "netuse2": f"net use \\\\srv\\share /user:corp\\bob {S}",
    "netuser": f"net user bob {S} /add",
    "securestring": f"ConvertTo-SecureString '{S}' -AsPlainText -Force",
    "securestring2": f'ConvertTo-SecureString -String "{S}" -AsPlainText',
    "identified": f"CREATE USER 'a'@'%' IDENTIFIED BY '{S}'",
    "pg": f"ALTER ROLE bob WITH PASSWORD '{S}'",
    "mssql": f"CREATE LOGIN bob WITH PASSWORD = N'{S}'",
    "pem lines": [
        "-----BEGIN RSA PRIVATE KEY-----",
        "MIIEpAIBAAKCAQEA" + S,
        "q9" + S + "AAAA",
        "-----END RSA PRIVATE KEY-----",
    ],
    "zero width": f"ghp_{PIECES}",
    "aws beside": {"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "secret": AWS},
    "aws beside2": {"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "value": AWS},
    "aws list": ["AKIAIOSFODNN7EXAMPLE", AWS],
    "pass": f"pass: {S}",
    "PASS": f"SMTP_PASS={S}",
    "MYSQL_PWD": f"MYSQL_PWD={S}",
    "PGPASSWORD": f"PGPASSWORD={S} psql",
    "sshpass": f"sshpass -p {S} ssh root@h",
    "docker": f"docker login -u bob -p {S} registry",
    "secret name": f"SECRET={S}",
    "app_secret": f"app_secret: {S}",
    "xtoken": f"X-Vault-Token: {S}",
    "header list": {"name": "X-Api-Key", "value": S},
    "header pair": ["X-Api-Key", S],
    "cred": f"credential={S}",
    "encryption key": f"ENCRYPTION_KEY={S}",
    "signing": f"signing_key={S}",
    "dsn": f"mongodb+srv://bob:{S}@cluster0.example.net",
    "redis": f"redis://:{S}@cache:6379",
    "jdbc": f"jdbc:mysql://h/db?user=a&password={S}",
    "ado": f"Server=h;User Id=a;Pwd={S};",
    "schtasks": f"schtasks /create /ru bob /rp {S}",
    "psexec": f"psexec \\\\h -u bob -p {S} cmd",
    "wmic": f"wmic /user:bob /password:{S} os",
    "aws secret env": f"AWS_SECRET_ACCESS_KEY={AWS}",
    "kv spaced": f"password is {S}",
    "yaml": f"db:\n  password: {S}",
    "tf": f'master_password = "{S}"',
    "url key": f"https://x/?api_key={S}",
    "userinfo": f"https://bob:{S}@x/",
    "openssl": f"openssl enc -k {S}",
    "zip": f"zip -P {S} a.zip b",
    "snmp": f"snmp-server community {S}",
    "proxy": f"https_proxy=http://u:{S}@p:1",
    "env list": [{"Name": "DB_PASS", "Value": S}],
    "env list2": {"key": "DB_PASSWORD", "value": {"stringValue": S}},
}

HARMLESS = (
    "docker run -p 8080:80 nginx",
    "mkdir -p /srv/data/2026",
    "ssh -p 2222 host.example",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db/prod-AbCdEf",
    "iam:ChangePassword",
    "the token was refused",
    "password is required",
    "mysql -u root -p",
    "net use Z: \\\\srv\\share /persistent:yes",
    "curl -u mira https://x.example",
    "identified by its hash",
    "pass: yes",
)
HARMLESS_RECORDS = (
    ["mkdir", "-p", "/srv/data/2026"],
    ["iam:ChangePassword", "iam:CreateLoginProfile"],
    ["ssh", "-p", "2222"],
    {"key": "Name", "value": "prod-1"},
    {"ParameterKey": "InstanceType", "ParameterValue": "m5.large"},
    {"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "userName": "mira.holt"},
)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_planted_secret_is_replaced(form: str) -> None:
    """Also within a JSON text, and among the fields of an event."""
    planted = FORMS[form]
    whole = {"requestParameters": planted, "note": json.dumps({"inner": planted})}

    cleaned = json.dumps(redact_json(whole), ensure_ascii=False)

    if isinstance(planted, str):
        cleaned += redact(planted)
    shown = cleaned.replace("\u200b", "")
    assert not [secret for secret in (S, AWS, "A1b2C3d4") if secret in shown]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_looks_alike_stays(text: str) -> None:
    """A port, a path, an action's name or a prompt for a password is none."""
    assert redact(text) == text


@pytest.mark.parametrize("record", HARMLESS_RECORDS, ids=str)
def test_records_that_look_alike_stay(record: object) -> None:
    """The arguments and pairs of ordinary events."""
    assert redact_json(record) == record  # type: ignore[arg-type]
