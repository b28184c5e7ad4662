"""Python runs this before a program: names of the service are those of this machine, as an entry of /etc/hosts would have it."""
import socket

_look_up = socket.getaddrinfo


def _getaddrinfo(host, *args, **more):
    name = host.decode() if isinstance(host, bytes) else host
    return _look_up("127.0.0.1" if name and name.endswith(".azure.com") else host, *args, **more)


socket.getaddrinfo = _getaddrinfo
