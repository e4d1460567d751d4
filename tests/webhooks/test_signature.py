"""What a signature must prove, row by row, with both bounds of the tolerance."""

import hashlib
import hmac

import pytest

from conformance.webhooks.signature import PLAIN, SCHEMES, TIMED, Reason, sign, verify

SECRET = "whsec_test_one"
OTHER = "whsec_test_two"
BODY = b'{"eventId":"e1","type":"pool.transaction.settled"}'
NOW = 1_800_000_000
GOOD = sign(SECRET, BODY, NOW)
DIGEST = GOOD.split("v1=")[1]
OTHER_DIGEST = sign(OTHER, BODY, NOW).split("v1=")[1]


def test_signs_time_dot_raw_body_with_the_whole_secret():
    expected = hmac.new(b"whsec_test_one", b"1800000000." + BODY, hashlib.sha256).hexdigest()

    assert sign(SECRET, BODY, NOW) == f"t=1800000000,v1={expected}"


def test_plain_scheme_signs_the_raw_body_alone():
    expected = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()

    assert sign(SECRET, BODY, NOW, PLAIN) == expected


@pytest.mark.parametrize(
    ("header_values", "reason"),
    [
        pytest.param([GOOD], Reason.OK, id="as signed"),
        pytest.param([f" t = {NOW} , v1 = {DIGEST} "], Reason.OK, id="blanks around parts"),
        pytest.param([f"t={NOW},v0=x,v1={DIGEST},flag"], Reason.OK, id="unknown parts are ignored"),
        pytest.param([f"v1={DIGEST},t={NOW}"], Reason.OK, id="order of parts is free"),
        pytest.param([f"t={NOW},v1={OTHER_DIGEST},v1={DIGEST}"], Reason.OK, id="one of two digests is right"),
        pytest.param([f"t={NOW},v1={DIGEST},v1={OTHER_DIGEST}"], Reason.OK, id="the right digest comes first"),
        pytest.param([], Reason.MISSING, id="no header"),
        pytest.param(["", "  "], Reason.MISSING, id="blank header"),
        pytest.param([GOOD, GOOD], Reason.DOUBLED, id="two headers"),
        pytest.param(["nonsense"], Reason.MALFORMED, id="no parts"),
        pytest.param([f"v1={DIGEST}"], Reason.MALFORMED, id="no time"),
        pytest.param([f"t=,v1={DIGEST}"], Reason.MALFORMED, id="empty time"),
        pytest.param([f"t=0,v1={DIGEST}"], Reason.MALFORMED, id="time zero"),
        pytest.param([f"t=-{NOW},v1={DIGEST}"], Reason.MALFORMED, id="negative time"),
        pytest.param([f"t={NOW}.0,v1={DIGEST}"], Reason.MALFORMED, id="fractional time"),
        pytest.param([f"t=0{NOW},v1={DIGEST}"], Reason.MALFORMED, id="leading zero"),
        pytest.param([f"t=١٨,v1={DIGEST}"], Reason.MALFORMED, id="digits of another script"),
        pytest.param([f"t={'9' * 5000},v1={DIGEST}"], Reason.MALFORMED, id="time of five thousand digits"),
        pytest.param([f"t={NOW},t={NOW},v1={DIGEST}"], Reason.MALFORMED, id="two times"),
        pytest.param([f"t={NOW}"], Reason.NO_DIGEST, id="no digest"),
        pytest.param([f"t={NOW},v1="], Reason.NO_DIGEST, id="empty digest"),
        pytest.param([f"t={NOW},v2={DIGEST}"], Reason.NO_DIGEST, id="digest of another version"),
        pytest.param([f"t={NOW},v1={OTHER_DIGEST}"], Reason.MISMATCH, id="another secret"),
        pytest.param([f"t={NOW - 1},v1={DIGEST}"], Reason.MISMATCH, id="another time"),
        pytest.param([f"t={NOW},v1={DIGEST.upper()}"], Reason.MISMATCH, id="upper-case hex"),
        pytest.param([f"t={NOW},v1={DIGEST[:-1]}"], Reason.MISMATCH, id="cut digest"),
        pytest.param([f"t={NOW},v1={DIGEST}é\udcff"], Reason.MISMATCH, id="not ASCII"),
    ],
)
def test_timed_header(header_values, reason):
    assert verify(header_values, BODY, [SECRET], NOW).reason is reason


@pytest.mark.parametrize(
    ("age", "reason"),
    [
        pytest.param(300, Reason.OK, id="oldest accepted"),
        pytest.param(301, Reason.STALE, id="youngest stale"),
        pytest.param(-300, Reason.OK, id="furthest future accepted"),
        pytest.param(-301, Reason.FUTURE, id="nearest future refused"),
    ],
)
def test_tolerance_holds_exactly_on_both_sides(age, reason):
    header = sign(SECRET, BODY, NOW - age)

    assert verify([header], BODY, [SECRET], NOW, tolerance=300).reason is reason


def test_a_stale_forgery_is_called_stale_because_time_is_judged_first():
    assert verify([sign(OTHER, BODY, NOW - 301)], BODY, [SECRET], NOW).reason is Reason.STALE


def test_the_signed_time_is_reported():
    assert verify([sign(SECRET, BODY, NOW - 7)], BODY, [SECRET], NOW).at == NOW - 7


@pytest.mark.parametrize("changed", [BODY + b" ", BODY.replace(b":", b": "), b"", BODY.replace(b"e1", b"e2")])
def test_any_other_bytes_do_not_verify(changed):
    assert verify([GOOD], changed, [SECRET], NOW).reason is Reason.MISMATCH


def test_bodies_need_not_be_text():
    body = b"\xff\x00\xfe"

    assert verify([sign(SECRET, body, NOW)], body, [SECRET], NOW).ok


@pytest.mark.parametrize("secrets", [[SECRET, OTHER], [OTHER, SECRET]])
def test_either_secret_verifies_while_they_rotate(secrets):
    assert verify([GOOD], BODY, secrets, NOW).ok


@pytest.mark.parametrize(
    ("header_values", "reason"),
    [
        pytest.param([sign(SECRET, BODY, NOW, PLAIN)], Reason.OK, id="as signed"),
        pytest.param([sign(OTHER, BODY, NOW, PLAIN)], Reason.MISMATCH, id="another secret"),
        pytest.param([], Reason.MISSING, id="no header"),
        pytest.param([GOOD], Reason.MALFORMED, id="the timed form"),
        pytest.param(["ab" * 31], Reason.MALFORMED, id="too short"),
    ],
)
def test_plain_header(header_values, reason):
    assert verify(header_values, BODY, [SECRET], NOW, scheme=PLAIN).reason is reason


@pytest.mark.parametrize("secrets", [[], [""], [SECRET, ""]])
def test_an_empty_secret_is_refused_rather_than_trusted(secrets):
    with pytest.raises(ValueError, match="secret"):
        verify([GOOD], BODY, secrets, NOW)


def test_schemes_are_found_by_the_name_a_profile_writes():
    assert [SCHEMES["t-v1-hmac-sha256"], SCHEMES["hmac-sha256-hex"]] == [TIMED, PLAIN]
