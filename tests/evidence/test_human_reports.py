"""The reports people read: summary, support request, page and terminal."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from conformance.evidence import html, render
from conformance.evidence.markdown import code, fence, identifiers, plain
from conformance.evidence.packet import WATERMARK, assemble
from conformance.evidence.reports import write_packet
from conformance.journal import Outcome, Record
from conformance.requirements import load
from tests.evidence import synthetic

TEXTS = (
    "index.html",
    "summary.md",
    "support.md",
    "verdict.json",
    "junit.xml",
    "exchanges.har",
    "launch.md",
    "launch.json",
)


@pytest.mark.parametrize("report", TEXTS)
def test_every_report_of_the_embedded_sandbox_says_what_it_proves(folders: dict[str, Path], report: str) -> None:
    assert WATERMARK in (folders["embedded"] / report).read_text(encoding="utf-8")


@pytest.mark.parametrize("report", TEXTS)
def test_no_report_of_a_foreign_target_does(folders: dict[str, Path], report: str) -> None:
    assert WATERMARK not in (folders["green"] / report).read_text(encoding="utf-8")


def test_the_allure_results_of_the_embedded_sandbox_say_it_too(folders: dict[str, Path]) -> None:
    results = list((folders["embedded"] / "allure-results").glob("*-result.json"))

    assert all(WATERMARK in path.read_text(encoding="utf-8") for path in results)


# --- summary and support ---


def test_the_summary_tells_the_verdict_the_steps_and_failures_before_gaps(folders: dict[str, Path]) -> None:
    text = (folders["red"] / "summary.md").read_text(encoding="utf-8")

    order = ["NONCONFORMANT", "| 5. Duplicate", "### Failures (3)", "--only WIRE-BODY", "### Errors", "Not evidenced"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_the_summary_fits_a_comment_whatever_failed(tmp_path: Path) -> None:
    words: list[Record] = [
        synthetic.judgement(r.id, Outcome.FAIL, expected="e" * 9_000, observed=f"{n} " + "o" * 9_000)
        for r in load()
        for n in range(3)
    ]
    folder = synthetic.write_journal(tmp_path, [synthetic.run(), *words])
    write_packet(assemble(folder, load()), folder)

    assert len((folder / "summary.md").read_text(encoding="utf-8")) < 65_536


def test_support_gets_what_it_asks_for(folders: dict[str, Path]) -> None:
    text = (folders["red"] / "support.md").read_text(encoding="utf-8")

    wanted = (
        "Partner id or organization",
        "sandbox",
        "`2026-10-01T08:01:02.345+00:00`",
        "`POST /v1/pools/EUR-USDT/transact`",
        "`req_main-3`",
        "`EUR-USDT`",
        "`pq_main-2`",
    )
    assert [part for part in wanted if part not in text] == []


def test_support_is_not_asked_about_the_partner_s_own_handler(tmp_path: Path) -> None:
    failed = synthetic.judgement("PARTNER-WEBHOOK-DEDUPES", Outcome.FAIL, observed="two effects")
    folder = synthetic.write_journal(tmp_path, [synthetic.run(), failed])
    write_packet(assemble(folder, load()), folder)

    assert "PARTNER-WEBHOOK-DEDUPES" not in (folder / "support.md").read_text(encoding="utf-8")


def test_ids_are_found_in_the_path_and_in_the_bodies() -> None:
    body = '{"transactId": "pt_9", "quoteId": "pq_9"}'
    call = synthetic.exchange("a", operation="POST /pools/{id}/quote", response_body=body)

    assert identifiers(call) == {"id": "EUR-USDT", "quoteId": "pq_9", "transactId": "pt_9"}


@pytest.mark.parametrize("text", ["`", "``` ``", "a`b", "`a`", "x"])
def test_a_code_span_cannot_be_left(text: str) -> None:
    ticks = re.match(r"`+", code(text))

    assert ticks is not None
    assert code(text).strip("`").count(ticks[0]) == 0
    assert f"\n{fence(text).splitlines()[-1]}\n" not in f"\n{text}\n"


@pytest.mark.parametrize("mark", ["@team", "<b>", "[a](b)", "*a*", "a|b", "&lt;"])
def test_plain_text_is_no_markup(mark: str) -> None:
    assert mark not in plain(f"x {mark} y")


# --- the page ---


class Page(HTMLParser):
    """What a browser would find in the page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.tags: Counter[str] = Counter()
        self.inline: list[str] = []
        self.texts: dict[str, str] = {}
        self.policy = ""
        self.folder = path.parent
        self._inside = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self._inside = tag
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in ("src", "href", "srcset", "data", "action"):
                self.loads.append(value or "")
            elif name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")
            elif name == "content" and value and value.startswith("default-src"):
                self.policy = value

    def handle_data(self, data: str) -> None:
        self.texts[self._inside] = self.texts.get(self._inside, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


NAMES = ("green", "red", "unsealed", "embedded", "hostile")


@pytest.fixture(params=NAMES)
def page(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Page:
    return Page(folders[request.param] / "index.html")


def test_the_page_asks_the_network_for_nothing(page: Page) -> None:
    assert [load for load in page.loads if load != "data:,"] == []


def test_the_page_s_links_stay_in_the_run_folder(page: Page) -> None:
    reports = {"verdict.json", "junit.xml", "exchanges.har", "reconciliation.csv", "summary.md", "support.md"}
    reports |= {"launch.md", "launch.json"}
    anchors = {f"#{name}" for name in page.ids}
    folder = {path for path in page.links if (page.folder / path).is_relative_to(page.folder / "replay")}

    assert set(page.links) <= reports | anchors | folder
    assert [path for path in folder if not (page.folder / path).is_file()] == []


def test_ids_are_unique(page: Page) -> None:
    assert [name for name, times in Counter(page.ids).items() if times > 1] == []


def test_the_policy_allows_the_page_s_own_style_and_script_and_nothing_else(page: Page) -> None:
    digests = {
        kind: base64.b64encode(hashlib.sha256(page.texts[kind].encode()).digest()).decode()
        for kind in ("style", "script")
    }

    assert "default-src 'none'" in page.policy
    assert f"style-src 'sha256-{digests['style']}'" in page.policy
    assert f"script-src 'sha256-{digests['script']}'" in page.policy
    assert page.inline == []


def test_hostile_text_is_text(folders: dict[str, Path]) -> None:
    page, text = Page(folders["hostile"] / "index.html"), (folders["hostile"] / "index.html").read_text()

    assert page.tags["script"] == 1
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "\u202e" not in text


def test_the_page_has_its_landmarks(page: Page) -> None:
    assert all(page.tags[tag] >= 1 for tag in ("header", "nav", "main", "footer", "h1"))
    assert page.tags["h1"] == 1


def test_failures_come_before_everything_but_the_steps(folders: dict[str, Path]) -> None:
    text = (folders["red"] / "index.html").read_text(encoding="utf-8")

    order = ["launch", "failures", "errors", "excused", "not-evidenced", "requirements", "reconciliation", "coverage"]
    places = [text.index(f'<section id="{name}"') for name in order]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "fact",
    [
        "2 trades (pt_3a91, pt_3a92)",
        "transact quote twice at once, same key",
        "req_main-3",
        "--only POOLS-TRANSACT-CONCURRENT-ONCE --seed 7",
        "$OBIT_POOLS_SECRET_KEY",
        "debited twice",
        "still reserved when patience ran out",
        "no handler given",
        "ticket 4711",
        "Observed (nondeterministic)",
        "never called",
        "tamper-proof",
        "2026-12-30 08:00:00 UTC",
    ],
)
def test_the_page_of_a_red_run_tells(folders: dict[str, Path], fact: str) -> None:
    assert fact in (folders["red"] / "index.html").read_text(encoding="utf-8")


def test_the_page_of_an_unsealed_run_says_so(folders: dict[str, Path]) -> None:
    text = (folders["unsealed"] / "index.html").read_text(encoding="utf-8")

    assert "not sealed" in text
    assert "did not end" in text


def test_the_page_stays_small_however_much_went_wrong(tmp_path: Path) -> None:
    calls = [
        synthetic.exchange(f"main-{n}", request_body="q" * 20_000, response_body="a" * 20_000) for n in range(1, 301)
    ]
    names = tuple(call.id for call in calls)
    words: list[Record] = [
        synthetic.judgement(r.id, Outcome.FAIL, observed=f"{n} " + "o" * 5_000, exchanges=names[n : n + 20])
        for r in load()
        for n in range(8)
    ]
    folder = synthetic.write_journal(tmp_path, [synthetic.run(), *calls, *words])

    assert len(html.render(assemble(folder, load()))) < 40_000 * len(load().requirements)


# --- the terminal ---


def printed(folder: Path, width: int = 80, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, color_system="standard" if terminal else None)
    render(assemble(folder, load()), folder, console)
    return out.getvalue()


def test_the_terminal_ends_with_the_verdict_and_the_report(folders: dict[str, Path]) -> None:
    lines = printed(folders["red"]).splitlines()

    assert "NONCONFORMANT (exit code 1)" in lines
    assert lines[-1] == f"Report: {folders['red'] / 'index.html'}"


def test_the_terminal_tells_each_step_in_a_word(folders: dict[str, Path]) -> None:
    text = printed(folders["red"])

    assert "  failed     5. Duplicate transact creates no duplicate trade" in text
    assert "  not proved 7. Webhooks verify and deduplicate" in text
    assert "missing: no handler given" in text


def test_a_failure_in_the_terminal_has_its_story_and_its_commands(folders: dict[str, Path]) -> None:
    text = printed(folders["red"])
    story = text[text.index("FAIL POOLS-TRANSACT-CONCURRENT-ONCE") :]

    order = [
        "expected one trade",
        "observed 2 trades",
        "1. quote =",
        "request ids",
        "curl -sS",
        "again:",
        "--only POOLS",
    ]
    places = [story.index(part) for part in order]
    assert places == sorted(places)


def test_without_a_terminal_there_is_no_control_sequence(folders: dict[str, Path]) -> None:
    assert "\x1b" not in printed(folders["hostile"])


def test_in_a_terminal_the_only_sequences_are_our_own(folders: dict[str, Path]) -> None:
    text = printed(folders["hostile"], terminal=True)

    assert re.sub(r"\x1b\[[0-9;]*m", "", text).count("\x1b") == 0
    assert "\\x1b[31m" in text


def test_prose_fits_the_width_and_commands_stay_whole(folders: dict[str, Path]) -> None:
    text = re.sub(r"\x1b\[[0-9;]*m", "", printed(folders["red"], width=50, terminal=True))

    wide = [line.strip() for line in text.splitlines() if len(line.rstrip()) > 50]
    assert all(line.startswith(("curl ", "conformance run ")) for line in wide)
    assert any(line.startswith("curl ") for line in wide)


def test_markup_in_foreign_text_is_shown_as_it_is(tmp_path: Path) -> None:
    failed = synthetic.judgement("WIRE-BODY", Outcome.FAIL, observed="[bold red]boo[/] [link=file:///x]y[/link]")
    folder = synthetic.write_journal(tmp_path, [synthetic.run(), failed])

    assert "observed [bold red]boo[/] [link=file:///x]y[/link]" in printed(folder)


def test_an_ascii_terminal_gets_ascii(tmp_path: Path) -> None:
    failed = synthetic.judgement("WIRE-BODY", Outcome.FAIL, observed="größer")
    folder = synthetic.write_journal(tmp_path, [synthetic.run(), failed])
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii", write_through=True), width=80)

    render(assemble(folder, load()), folder, console)

    assert b"gr\\xf6\\xdfer" in raw.getvalue()


def test_the_terminal_says_what_the_embedded_sandbox_proves(folders: dict[str, Path]) -> None:
    assert WATERMARK in printed(folders["embedded"])
