"""The model of 0Gate: which state follows which, what a redemption is answered, and what one key makes."""

from __future__ import annotations

import pytest

from conformance.model.gate import (
    Book,
    Quote,
    QuoteStatus,
    Redemption,
    Session,
    SessionStatus,
    Told,
    once_problems,
    quote_may_follow,
    rail_may_follow,
    redemption_permits,
    session_may_follow,
)


@pytest.mark.parametrize(
    ("before", "after", "may"),
    [
        ("open", "open", True),
        ("open", "cancelled", True),
        ("open", "completed", True),
        ("open", "expired", True),
        ("open", "processing", False),
        ("cancelled", "cancelled", True),
        ("cancelled", "open", False),
        ("completed", "expired", False),
        ("expired", "completed", False),
    ],
)
def test_only_an_open_session_moves_and_only_to_an_end(before: str, after: str, may: bool) -> None:
    assert session_may_follow(before, after) is may


@pytest.mark.parametrize(
    ("before", "after", "may"),
    [
        ("active", "active", True),
        ("active", "consumed", True),
        ("active", "expired", True),
        ("consumed", "expired", False),
        ("consumed", "active", False),
        ("expired", "consumed", False),
        ("active", "gone", False),
    ],
)
def test_a_quote_is_consumed_or_expires_and_stays_so(before: str, after: str, may: bool) -> None:
    assert quote_may_follow(before, after) is may


@pytest.mark.parametrize(
    ("before", "after", "may"),
    [
        ("pending", "processing", True),
        ("processing", "settled", True),
        ("processing", "cancelled", True),
        ("settled", "settled", True),
        ("settled", "failed", False),
        ("failed", "processing", False),
        ("cancelled", "settled", False),
    ],
)
def test_a_rail_that_has_ended_stays_as_it_ended(before: str, after: str, may: bool) -> None:
    assert rail_may_follow(before, after) is may


def story(*, session: str = "open", quote: str = "active", used: str = "") -> tuple[Book, Session, Quote]:
    """A book in which the key ``k`` has made a rail of what ``used`` says: nothing, this quote, or another one."""
    book, its_session, its_quote = Book(), Session("s", "t", "ks", SessionStatus(session)), Quote("q", "on_ramp")
    its_quote.past_expiry = quote == "expired"
    if quote == "consumed":
        book.redeemed(its_session, its_quote, "k" if used == "this" else "another key", "r")
    if used == "another":
        book.redeemed(Session("elsewhere", "t", "ks"), Quote("other", "on_ramp"), "k", "other rail")
    if used == "here":
        book.quotes["other"] = Quote("other", "on_ramp")
        book.redeemed(its_session, book.quotes["other"], "another key", "other rail")
    return book, its_session, its_quote


@pytest.mark.parametrize(
    ("session", "quote", "used", "expected"),
    [
        ("open", "active", "", Redemption.NEW),
        ("open", "consumed", "this", Redemption.SAME),
        ("cancelled", "consumed", "this", Redemption.SAME),
        ("open", "consumed", "", Redemption.CONFLICT),
        ("open", "expired", "", Redemption.CONFLICT),
        ("open", "active", "another", Redemption.CONFLICT),
        ("open", "active", "here", Redemption.NEW_OR_REFUSED),
        ("open", "expired", "here", Redemption.REFUSED),
        ("cancelled", "active", "", Redemption.REFUSED),
        ("cancelled", "expired", "", Redemption.REFUSED),
    ],
)
def test_a_redemption_is_answered_by_key_quote_and_session(
    session: str, quote: str, used: str, expected: Redemption
) -> None:
    book, its_session, its_quote = story(session=session, quote=quote, used=used)

    assert its_quote.status == QuoteStatus(quote)
    assert book.expects(its_session, its_quote, "k") is expected


@pytest.mark.parametrize(
    ("expected", "status", "rail", "permitted"),
    [
        (Redemption.NEW, 201, "r", True),
        (Redemption.NEW, 200, "r", True),
        (Redemption.NEW, 201, None, False),
        (Redemption.NEW, 409, None, False),
        (Redemption.NEW_OR_REFUSED, 409, None, True),
        (Redemption.NEW_OR_REFUSED, 201, "r", True),
        (Redemption.NEW_OR_REFUSED, 500, None, False),
        (Redemption.SAME, 200, "known", True),
        (Redemption.SAME, 201, "another", False),
        (Redemption.CONFLICT, 409, None, True),
        (Redemption.CONFLICT, 400, None, False),
        (Redemption.CONFLICT, 201, "r", False),
        (Redemption.REFUSED, 403, None, True),
        (Redemption.REFUSED, 201, "r", False),
        (Redemption.REFUSED, 500, None, False),
    ],
)
def test_which_answers_a_redemption_permits(
    expected: Redemption, status: int, rail: str | None, permitted: bool
) -> None:
    assert redemption_permits(expected, status, rail, "known") is permitted


@pytest.mark.parametrize(
    ("answers", "listed", "problems"),
    [
        ([Told(201, "a"), Told(200, "a")], {"a"}, []),
        ([Told(201, "a"), Told(409), Told(201, "a")], {"a"}, []),
        ([Told(201, "a"), Told(201, "b")], {"a", "b"}, ["the successes name 2 objects", "2 objects were made"]),
        ([Told(409), Told(201, "a")], {"a", "b"}, ["2 objects were made"]),
        ([Told(201, "a"), Told(409)], {"a"}, ["the key is answered 409 when nothing is under way"]),
        ([Told(409), Told(201, "a")], set(), ["an object was answered that no list shows"]),
        ([Told(201, "a")], {"b"}, ["the list shows another object than was answered"]),
        ([Told(409), Told(409)], set(), ["the key is answered 409 when nothing is under way"]),
        ([Told(200)], {"a"}, ["a success that names nothing", "the list shows another object than was answered"]),
    ],
    ids=["repeated", "met", "doubled", "doubled unsaid", "busy for good", "not made", "another", "none", "nameless"],
)
def test_one_key_makes_one_object(answers: list[Told], listed: set[str], problems: list[str]) -> None:
    assert once_problems(answers, listed) == problems
