"""The wire: sending, recording and redacting exchanges. What an exchange means is judged elsewhere."""

from conformance.client.clock import Clock, SystemClock, stamp
from conformance.client.gate import GateApi
from conformance.client.pools import PoolsApi
from conformance.client.recording import Context, Recorder
from conformance.client.redaction import Redactor
from conformance.client.wire import Credentials, NetworkTrouble, Refused, Reply, Wire

__all__ = [
    "Clock",
    "Context",
    "Credentials",
    "GateApi",
    "NetworkTrouble",
    "PoolsApi",
    "Recorder",
    "Redactor",
    "Refused",
    "Reply",
    "SystemClock",
    "Wire",
    "stamp",
]
