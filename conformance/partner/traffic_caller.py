"""Who made a recorded request: a browser or app, a server, or nobody can tell. Whether it may is a rule's business."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum


class Caller(StrEnum):
    """Where a request came from, as far as the recording shows."""

    CLIENT = "browser or app"
    SERVER = "server"
    UNCLEAR = "unclear"
    """It looks like a browser's, and a server that forwards its browsers' headers sends the same."""
    UNSEEN = "unseen"
    """The recording holds no headers that would tell."""


FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "cf-connecting-ip")
"""Headers a server adds to what it passes on."""

_BROWSER = re.compile(r"Mozilla/5\.0 \(")
_ANDROID = re.compile(r"Dalvik/\S+ \(Linux; U; Android")
_EITHER = re.compile(r"CFNetwork/|okhttp/|Dart/|Alamofire/|ReactNative|Expo/")
"""Libraries that apps and servers use alike, under the same name."""

_RECORDERS = re.compile(r"WebInspector|Firefox|WebKit Web Inspector|Safari|Chrome|Chromium|Edge", re.IGNORECASE)


def recorded_by_browser(creator: str, browser: str) -> bool:
    """Whether an archive was exported from a browser's own developer tools."""
    return _RECORDERS.search(f"{creator} {browser}") is not None


def caller(headers: Mapping[str, str], in_browser: bool) -> tuple[Caller, str]:
    """Who sent these headers (names in lower case), and what shows it.

    ``in_browser`` says that a browser made the recording. Server runtimes send parts of what browsers send: Node's
    fetch says ``sec-fetch-mode``, and a backend that forwards requests says all of it, so one sign is not enough.
    """
    agent = headers.get("user-agent", "")
    if _ANDROID.search(agent):
        return Caller.CLIENT, "the User-Agent of an Android app"
    if _EITHER.search(agent):
        return Caller.UNSEEN, "the User-Agent of a library that apps and servers use alike"
    if not _BROWSER.match(agent):
        return (Caller.SERVER, "no browser's User-Agent") if agent else (Caller.UNSEEN, "no User-Agent was recorded")
    if in_browser:
        return Caller.CLIENT, "a browser recorded it, under its own User-Agent"
    if any(name in headers for name in FORWARDED):
        return Caller.UNCLEAR, "a browser's User-Agent, passed on by a server"
    page = headers.get("origin") or headers.get("referer")
    if headers.get("sec-fetch-site") == "cross-site" and page:
        return Caller.CLIENT, "a browser's User-Agent, Sec-Fetch-Site: cross-site, and the page it came from"
    return Caller.UNCLEAR, "a browser's User-Agent, but nothing shows that no server passed it on"


__all__ = ["FORWARDED", "Caller", "caller", "recorded_by_browser"]
