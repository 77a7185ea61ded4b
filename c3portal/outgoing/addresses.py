"""Which addresses are the internet's, and none of a private network's."""

from __future__ import annotations

import ipaddress

# Addresses in which another one is hidden: NAT64's last 32 bits are an IPv4 address.
NAT64 = ipaddress.ip_network("64:ff9b::/96")
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
# What no server of anyone's has, by IANA's registries of special-purpose addresses, where Python's copy of them lacks
# it or counts it as reachable; and what a cloud answers its own machines at. Teredo and 6to4 are in it: relays.
SPECIAL = [
    ipaddress.ip_network(each)
    for each in (
        "168.63.129.16/32",
        "192.0.0.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.175.48.0/24",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
    )
]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: str) -> bool:
    """Whether an IP address, as getaddrinfo gives it, is one of the internet."""
    ip = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    if any(ip in special for special in SPECIAL) or (ip.version == 6 and ip not in GLOBAL_UNICAST):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _unwrapped(ip: Address) -> Address:
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return ip.ipv4_mapped
        if ip in NAT64:
            return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip
