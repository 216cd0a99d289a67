"""The receivers that judge what a killed sender has sent keep whole requests only."""

import socket

from tests.support.receivers import Mailbox, Receiver, mailing, receiving


def sent(port: int, data: bytes) -> None:
    """Everything is sent, and the sender dies; the receiver has closed its end on return."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass


HEAD = b"POST / HTTP/1.1\r\nhost: receiver\r\ncontent-length: 12\r\n\r\n"


def test_half_a_request_is_none() -> None:
    with receiving(Receiver()) as receiver:
        port = int(receiver.url.rpartition(":")[2])
        for data in (b"", b'{"alert'):
            sent(port, HEAD + data)
        assert receiver.received == []
        sent(port, HEAD + b'{"alert": 1}')
        assert [request.json for request in receiver.received] == [{"alert": 1}]


def test_half_a_mail_is_none() -> None:
    with mailing(Mailbox()) as mailbox:
        sent(mailbox.port, b"EHLO a\r\nDATA\r\nSubject: x\r\n\r\nhalf")
        assert mailbox.messages == []
        sent(mailbox.port, b"EHLO a\r\nDATA\r\nSubject: x\r\n\r\nwhole\r\n.\r\nQUIT\r\n")
        assert mailbox.messages == ["Subject: x\r\n\r\nwhole\r\n"]
