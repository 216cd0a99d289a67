"""IP addresses and what kind of network they belong to."""

import ipaddress
from typing import Final

import regex

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA: Final = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Azure, Google Cloud and others
        "169.254.170.2",  # AWS task credentials
        "169.254.170.23",  # Amazon EKS Pod Identity
        "fd00:ec2::254",  # AWS over IPv6
        "fd00:ec2::23",  # Amazon EKS Pod Identity over IPv6
        "fd20:ce::254",  # Google Cloud over IPv6
        "168.63.129.16",  # Azure's virtual public address
        "100.100.100.200",  # Alibaba Cloud
    )
)
_NETWORKS: Final = tuple(
    (name, tuple(ipaddress.ip_network(each) for each in networks))
    for name, networks in (
        ("documentation", ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")),
        ("benchmarking", ("198.18.0.0/15", "2001:2::/48")),
        ("shared", ("100.64.0.0/10",)),
        ("private", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")),
    )
)
"""Sources: RFC 5737, RFC 3849, RFC 9637, RFC 2544, RFC 6598, RFC 1918, RFC 4193."""

MAX_TEXT: Final = 64
"""Characters of the longest address with a port and a zone."""
_WITH_PORT: Final = regex.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<four>\d{1,3}(?:\.\d{1,3}){3}))(?::\d{1,5})?")


def parse_address(text: str) -> Address | None:
    """Read an address, with or without a port, a zone or a host's prefix length; a network gives None."""
    if len(text) > MAX_TEXT or (":" not in text and "." not in text):
        return None
    match = _WITH_PORT.fullmatch(text)
    if match is not None:
        text = match["six"] or match["four"]
    for suffix in ("/32", "/128"):
        text = text.removesuffix(suffix)
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def address_class(address: Address) -> str:
    """Name the kind of network.

    One of `cloud_metadata`, `loopback`, `unspecified`, `link_local`, `multicast`, `documentation`, `benchmarking`,
    `shared` (carrier-grade NAT), `private`, `reserved` and `public`.
    """
    if address in _METADATA:
        return "cloud_metadata"
    for name, holds in (
        ("loopback", address.is_loopback),
        ("unspecified", address.is_unspecified),
        ("link_local", address.is_link_local),
        ("multicast", address.is_multicast),
    ):
        if holds:
            return name
    for name, networks in _NETWORKS:
        if any(address.version == network.version and address in network for network in networks):
            return name
    return "public" if address.is_global else "reserved"
