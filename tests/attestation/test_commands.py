"""Signing and verifying from the command line: exit codes, what is told, and that no key is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner, Result

from conformance.cli.app import app
from conformance.cli.run import sign_run
from conformance.cli.signing import Signing, signing
from conformance.evidence.attestation import FILE, SignerRole
from conformance.evidence.signing_keys import signer
from tests.attestation import keys
from tests.attestation.signed import reported, signed, statement
from tests.evidence import synthetic

VARIABLE = "ATTESTATION_TEST_PASSWORD"


def conformance(*words: object, **environ: str) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env=environ)


def test_a_finished_run_is_signed_later_and_the_exit_code_stays_the_verdicts(tmp_path: Path) -> None:
    reported(tmp_path / "run", synthetic.red(10))
    key, _ = keys.written(tmp_path)

    result = conformance("report", tmp_path / "run", "--sign", key, "--signer-role", "operator")

    assert result.exit_code == 1, result.output
    assert "signed as operator with key" in result.output
    assert statement(tmp_path / "run")["predicate"]["obit_conformance"]["signer_role"] == "operator"


def test_an_encrypted_key_opens_with_the_password_of_its_variable(tmp_path: Path) -> None:
    reported(tmp_path / "run")
    key, public = keys.written(tmp_path, password=keys.PASSWORD)

    signing_it = conformance(
        "report", tmp_path / "run", "--sign", key, "--sign-password-variable", VARIABLE, **{VARIABLE: keys.PASSWORD}
    )

    assert signing_it.exit_code == 0, signing_it.output
    assert conformance("verify", tmp_path / "run", "--key", public).exit_code == 0


def test_no_process_started_later_inherits_the_password(tmp_path: Path) -> None:
    key, _ = keys.written(tmp_path, password=keys.PASSWORD)
    environ = {VARIABLE: keys.PASSWORD, "OTHER": "stays"}

    signing(key, None, VARIABLE, environ)

    assert environ == {"OTHER": "stays"}


def test_an_unsealed_run_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    reported(tmp_path / "run", synthetic.green(4)[:30], sealed=False)
    key, _ = keys.written(tmp_path)

    result = conformance("report", tmp_path / "run", "--sign", key)

    assert result.exit_code == 2
    assert "the run did not end, so its journal has no seal" in result.output
    assert not (tmp_path / "run" / FILE).exists()


def test_a_run_that_was_cut_short_says_that_it_is_not_signed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packet = reported(tmp_path / "run", synthetic.green(4)[:30], sealed=False)
    key, _ = keys.written(tmp_path)

    sign_run(Signing(signer(key, None), SignerRole.PARTNER), packet, tmp_path / "run")

    assert "is not signed: the run did not end" in capsys.readouterr().err


PROBLEMS = {
    "missing": (None, None, "cannot be read (No such file or directory)"),
    "no PEM": (b"not a key, but private all the same", None, "found no PEM"),
    "binary": (bytes(range(256)), None, "found no PEM"),
    "huge": (b"A" * 70_000, None, "found more than 65536 bytes"),
    "public": (keys.public_pem(), None, "found 'PUBLIC KEY' that does not read as one"),
    "damaged": (
        b"-----BEGIN PRIVATE KEY-----\nAAAABBBBCCCC\n-----END PRIVATE KEY-----\n",
        None,
        "found 'PRIVATE KEY' that does not read as one",
    ),
    "encrypted": (keys.private_pem(password=keys.PASSWORD), None, "it is encrypted, and no password was given"),
    "wrong password": (keys.private_pem(password=keys.PASSWORD), "guess", "the password does not open it"),
    "needless password": (keys.private_pem(), "guess", "it is not encrypted"),
    "another kind": (keys.private_pem("ed448"), None, "found a key of another kind"),
    "another curve": (keys.private_pem("ecdsa-secp256k1"), None, "found a key on a curve nobody verifies"),
    "weak": (keys.private_pem("rsa-1024"), None, "found an RSA key of 1024 bits"),
}


@pytest.mark.parametrize(("content", "password", "told"), PROBLEMS.values(), ids=PROBLEMS)
def test_a_key_that_cannot_sign_ends_a_run_before_anything_is_tried(
    content: bytes | None, password: str | None, told: str, tmp_path: Path
) -> None:
    key = tmp_path / "key.pem"
    if content is not None:
        key.write_bytes(content)
    options = ["--sign-password-variable", VARIABLE] if password else []

    result = conformance(
        "run", "--output", tmp_path / "run", "--sign", key, *options, **{VARIABLE: password} if password else {}
    )

    assert result.exit_code == 2, result.output
    assert f"{key}: {told}" in result.output
    assert not (tmp_path / "run").exists()
    assert not leaked(result.output, content or b"", password)


def leaked(text: str, content: bytes, password: str | None) -> list[str]:
    """Which parts of a key file, or its password, can be read in the text."""
    parts = [part for part in re.findall(r"[A-Za-z0-9+/=]{12,}", content.decode("latin-1")) if "KEY" not in part]
    return [part[:4] for part in [*parts, *([password] if password else [])] if part[:40] in text]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--signer-role", "operator"], "--sign KEY.pem is missing"),
        (["--sign-password-variable", VARIABLE], "--sign KEY.pem is missing"),
        (["--sign", "ed25519.pem", "--signer-role", "auditor"], "'auditor' is not known; choose partner, operator"),
        (["--sign", "ed25519.pem", "--sign-password-variable", VARIABLE], f"{VARIABLE} is not set"),
    ],
)
@pytest.mark.parametrize("command", [["run", "--output", "new"], ["report", "run"]], ids=["run", "report"])
def test_options_that_do_not_fit_together_are_refused(
    command: list[str], options: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    keys.written(tmp_path)

    result = conformance(*command, *options)

    assert result.exit_code == 2, result.output
    assert told in result.output
    assert not (tmp_path / "new").exists()


def test_verify_leaves_with_0_when_all_holds_and_names_the_run(tmp_path: Path) -> None:
    run_folder = signed(tmp_path)

    result = conformance("verify", run_folder, "--key", tmp_path / "ed25519.pub.pem")

    assert result.exit_code == 0, result.output
    assert "20261001-080000-7: sandbox (sandbox) is CONFORMANT in scope operator" in result.output


def test_verify_leaves_with_1_and_names_what_does_not_hold(tmp_path: Path) -> None:
    run_folder = signed(tmp_path)
    (run_folder / "verdict.json").write_text("{}", encoding="ascii")

    result = conformance("verify", run_folder)

    assert result.exit_code == 1
    assert re.search("DOES NOT HOLD +verdict.json: is not what the journal yields", result.output)


def test_verify_says_first_that_our_own_sandbox_was_judged(tmp_path: Path) -> None:
    run_folder = signed(tmp_path, synthetic.green(4, embedded=True, target="embedded", environment="embedded"))

    result = conformance("verify", run_folder)

    assert result.output.startswith("This run judged the embedded sandbox")


def test_verify_prints_nothing_that_could_drive_a_terminal(tmp_path: Path) -> None:
    run_folder = signed(tmp_path, synthetic.hostile(versions={"obit-conformance": synthetic.HOSTILE}))
    (run_folder / "verdict.json").write_text("{}", encoding="ascii")

    result = conformance("verify", run_folder)

    assert "\\u202e" in result.output
    assert "is not what the journal yields (judged with harness version" in result.output
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", result.output)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read"),
        (keys.private_pem(), "found 'PRIVATE KEY'"),
        (b"nothing", "found no PEM"),
        (keys.public_pem("ed448"), "found a key of another kind"),
        (keys.public_pem("rsa-1024"), "found an RSA key of 1024 bits"),
    ],
    ids=["missing", "private", "no PEM", "another kind", "weak"],
)
def test_verify_leaves_with_2_for_a_key_that_cannot_verify(content: bytes | None, told: str, tmp_path: Path) -> None:
    run_folder = signed(tmp_path)
    key = tmp_path / "given.pem"
    if content is not None:
        key.write_bytes(content)

    result = conformance("verify", run_folder, "--key", key)

    assert result.exit_code == 2, result.output
    assert f"{key}: {told}" in result.output
    assert not leaked(result.output, content or b"", None)


def test_verify_leaves_with_2_where_no_run_is(tmp_path: Path) -> None:
    result = conformance("verify", tmp_path / "nowhere")

    assert result.exit_code == 2
    assert "nowhere" in result.output


def test_a_signed_run_of_our_sandbox_verifies_and_shows_no_key_anywhere(tmp_path: Path) -> None:
    key, public = keys.written(tmp_path, password=keys.PASSWORD)
    command = [sys.executable, "-m", "conformance", "run", "--only", "POOLS-DISCOVERY-EXACT", "--output", "run"]
    command += ["--sign", str(key), "--sign-password-variable", VARIABLE]

    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {VARIABLE: keys.PASSWORD}, capture_output=True, timeout=120
    )

    assert done.returncode == 0, done.stderr
    assert conformance("verify", tmp_path / "run", "--key", public).exit_code == 0
    written = [path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()]
    raw = keys.private("ed25519").private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    secrets = [raw, raw.hex().encode(), keys.PASSWORD.encode(), *key.read_bytes().splitlines()[1:-1]]
    assert [s[:4] for s in secrets if any(s in text for text in [*written, done.stdout, done.stderr])] == []


def test_the_signing_libraries_are_not_loaded_by_a_command_that_does_not_sign() -> None:
    program = "import sys, conformance.cli.app, conformance.evidence.attestation, conformance.evidence.verification; "
    program += "print([name for name in ('securesystemslib', 'cryptography') if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == "[]"
