"""What the terms of a log type find in an event, where that is not plain from its file."""

from tests.support.logtypes import terms_in


def test_a_sign_in_to_entra_is_named_by_its_protocol() -> None:
    """As in the lake, where the action is `sign-in ` with the protocol, if any; directory changes go by their name."""
    sign_in = {"p_log_type": "Azure.Audit", "category": "SignInLogs", "operationName": "Sign-in activity"}
    device = {**sign_in, "properties": {"authenticationProtocol": "deviceCode"}}
    change = {"p_log_type": "Azure.Audit", "category": "AuditLogs", "operationName": "Add user"}

    assert terms_in(sign_in)["action"] == "sign-in "
    assert terms_in(device)["action"] == "sign-in deviceCode"
    assert terms_in(change)["action"] == "Add user"
