"""What can be chosen when the server is started, and what is refused with one sentence."""

import contextlib
import ipaddress
import re
import socket
from dataclasses import dataclass, field

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class Refused(Exception):
    """A start that cannot be, said in one sentence for the person at the keyboard."""


def normal_base_url(value):
    """Return a base URL as ``/path/``; raise `Refused` for what cannot be one.

    Examples
    --------
    >>> normal_base_url("course")
    '/course/'
    >>> normal_base_url("/")
    '/'
    >>> normal_base_url("/user/lin@example.org/fedlearn")
    '/user/lin@example.org/fedlearn/'
    """
    parts = [part for part in value.split("/") if part]
    allowed = r"(?:[A-Za-z0-9._~@-]|%[0-9A-Fa-f]{2})+"  # a hub's user may be a mail address
    if not all(re.fullmatch(allowed, part) and part.strip(".") for part in parts):
        raise Refused(
            f"--base-url {value!r} is not a path such as /course/ "
            "(letters, digits, '.', '_', '~', '@', '%40' and '-' between slashes)."
        )
    return "/" + "".join(part + "/" for part in parts)


@dataclass(frozen=True)
class Options:
    """How the server runs; the defaults suit one learner on one computer.

    Parameters
    ----------
    host : str
        Address to listen on.
    port : int
        Port to listen on; 0 takes a free one.
    base_url : str
        Path in front of every address, for a proxy; starts and ends with a slash.
    max_learners : int
        Pages with a live kernel at the same time; 0 sets no limit.
    pool : int
        Kernels kept warm for each lab.
    browser : bool
        Open a browser where there is one.
    verbose : bool
        Log every request.
    allow_hosts : tuple of str
        Host names under which a proxy passes requests on; "*" is any.
    grace : int
        Seconds after which the kernel of a page that went away is freed; a page that never
        connected has twice as long.
    """

    host: str = "127.0.0.1"
    port: int = 8866
    base_url: str = "/"
    max_learners: int = 0
    pool: int = 2
    browser: bool = True
    verbose: bool = False
    allow_hosts: tuple = field(default=())
    grace: int = 60

    @property
    def on_loopback(self):
        """True if only this computer can reach the server."""
        if self.host == "localhost":
            return True
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(self.host).is_loopback
        return False

    def host_pattern(self):
        """Return the regular expression of the Host names that are answered.

        On the loopback address a page elsewhere could otherwise point its own name here (DNS
        rebinding) and read what is served, so only this computer's names are answered there.
        """
        if "*" in self.allow_hosts or not (self.on_loopback or self.allow_hosts):
            return ".*$"
        names = [*LOOPBACK_NAMES, "[::1]", self.host, *self.allow_hosts]
        return "(?:" + "|".join(re.escape(name.lower()) for name in names) + ")$"

    def addresses(self, port):
        """Return the URLs to print, the one for this computer first."""
        hosts = [f"[{self.host}]" if ":" in self.host else self.host]
        if self.host in ("0.0.0.0", "::", ""):
            hosts = ["127.0.0.1", *lan_addresses()]
        return [f"http://{host}:{port}{self.base_url}" for host in hosts]


def lan_addresses():
    """Return this computer's address in its network, as far as one can be found."""
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe,
    ):
        probe.connect(("10.255.255.255", 1))  # sends nothing: only picks the route
        address = probe.getsockname()[0]
        if not ipaddress.ip_address(address).is_loopback:
            return [address]
    return []
