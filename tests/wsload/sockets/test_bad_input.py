"""What cannot work is said in one sentence, with a count, and the exit code is 3."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import aiohttp
import pytest

from tests.wsload.conftest import LoadTest, Process, StartRelay


def test_host_that_nobody_listens_on(loadtest: LoadTest, free_port: int) -> None:
    run = loadtest(f"ws://127.0.0.1:{free_port}")
    assert run.code == 3
    assert (
        f"cannot reach 127.0.0.1:{free_port}: Connection refused; is the server running there? "
        "(4 connections)"
    ) in run.output


def test_host_that_does_not_exist(loadtest: LoadTest) -> None:
    run = loadtest("ws://relay.invalid:8080")
    assert run.code == 3
    assert "no such host: relay.invalid" in run.output
    assert "(4 connections)" in run.output


def test_http_address_is_corrected(loadtest: LoadTest) -> None:
    run = loadtest("http://127.0.0.1:8080")
    assert run.code == 3
    assert "wrong scheme in http://127.0.0.1:8080" in run.output
    assert "try ws://127.0.0.1:8080" in run.output


def test_wrong_scheme_stops_locust_too(locust: LoadTest) -> None:
    run = locust("loadtest/broadcast.py", "http://127.0.0.1:8080", "-u", "2", "-t", "20s")
    assert run.code == 3
    assert "try ws://127.0.0.1:8080" in run.output


def test_server_that_is_no_relay(faulty_relay: StartRelay, loadtest: LoadTest) -> None:
    relay = faulty_relay()
    run = loadtest(f"{relay.host}/elsewhere")
    assert run.code == 3
    assert (
        f"no WebSocket server at 127.0.0.1:{relay.port}: it answered 404 to a WebSocket handshake "
        "(4 connections)"
    ) in run.output


def test_tls_where_there_is_none(faulty_relay: StartRelay, loadtest: LoadTest) -> None:
    relay = faulty_relay()
    run = loadtest(f"wss://127.0.0.1:{relay.port}")
    assert run.code == 3
    assert "does not speak TLS: try ws:// instead of wss:// (4 connections)" in run.output


def test_refusals_are_explained(faulty_relay: StartRelay, loadtest: LoadTest) -> None:
    """With the relay's own words, once for all."""
    run = loadtest(faulty_relay("--refuse", "503").host)
    assert run.code == 3
    assert (
        "503 the server takes no more connections now: draining, or at its limit "
        '("said no") (4 connections)'
    ) in run.output
    assert run.metrics["refused"] == 4


def test_a_redirect_is_told_with_where_it_leads(
    faulty_relay: StartRelay, loadtest: LoadTest
) -> None:
    """As a proxy answers that wants TLS."""
    relay = faulty_relay("--refuse", "308")
    run = loadtest(relay.host)
    assert run.code == 3
    assert (
        f"127.0.0.1:{relay.port} redirects (308), and a WebSocket handshake is not led elsewhere: "
        "try --host wss://relay.example/ws (4 connections)"
    ) in run.output


def test_a_report_that_cannot_be_written_costs_no_verdict(
    relay: Process, loadtest: LoadTest, tmp_path: Path
) -> None:
    (taken := tmp_path / "taken").write_text("")
    run = loadtest(relay.host, "--report", str(taken))
    assert "PASSED  " in run.output
    assert f"no report: cannot write into --report {taken}: File exists" in run.output
    assert run.code == 0


def test_bad_requirement_stops_the_start(loadtest: LoadTest) -> None:
    run = loadtest("ws://127.0.0.1:1", "--require", "p98=3")
    assert run.code == 3
    assert run.output.startswith("cannot require 'p98': expected one of mean, p50")


def test_certificates_are_checked(
    faulty_relay: StartRelay, loadtest: LoadTest, certificate: Path
) -> None:
    """Refused by default, trusted with --ca, and then TLS carries messages as TCP does."""
    relay = faulty_relay("--certificate", str(certificate))
    host = f"wss://localhost:{relay.port}"
    refused = loadtest(host)
    assert refused.code == 3
    assert f"TLS of localhost:{relay.port} is not trusted: self-signed" in refused.output
    assert "pass its authority with --ca FILE, or --insecure (4 connections)" in refused.output
    trusted = loadtest(host, "--ca", str(certificate))
    assert trusted.metrics["delivered"] == 3 * trusted.metrics["sent"] > 100
    assert trusted.metrics["lost"] == 0
    believed = loadtest(host, "--insecure")
    assert believed.metrics["lost"] == 0
    assert "the server's certificate was not checked (--insecure)" in believed.result["notes"]
    plain = loadtest(f"ws://localhost:{relay.port}")
    assert plain.code == 3
    assert "try wss:// instead of ws://" in plain.output


def test_a_server_that_asks_for_a_certificate(
    faulty_relay: StartRelay, loadtest: LoadTest, certificate: Path
) -> None:
    relay = faulty_relay("--certificate", str(certificate), "--trust", str(certificate))
    host, ca = f"wss://localhost:{relay.port}", ("--ca", str(certificate))
    refused = loadtest(host, *ca)
    assert refused.code == 3
    assert "does it ask for a --certificate? (4 connections)" in refused.output
    assert loadtest(host, *ca, "--certificate", str(certificate)).metrics["lost"] == 0
    unread = loadtest(host, *ca, "--certificate", "nowhere.pem")
    assert "cannot read --certificate nowhere.pem" in unread.output


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost that signs itself, with its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        assert "CI" not in os.environ, "openssl is missing"
        pytest.skip("openssl is not installed: needed to make a certificate")
    pem = tmp_path / "localhost.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-keyout", pem, "-out", f"{pem}.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    pem.write_text(pem.read_text() + Path(f"{pem}.crt").read_text())
    return pem


async def test_name_in_use_on_a_real_relay(real_relay: StartRelay, locust: LoadTest) -> None:
    """Somebody who answers pings has the name of the first user already."""
    relay = real_relay()
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{relay.host}/ws/twin-0-0?room=den") as socket,
    ):
        reader_task = asyncio.create_task(socket.receive())
        run = await asyncio.to_thread(
            locust, "loadtest/broadcast.py", relay.host, "-u", "1", "-t", "9s",
            "--room", "den", "--name", "twin",
        )  # fmt: skip
        reader_task.cancel()
    assert run.code == 3
    assert "409 name in use: leave --name out to get names of your own" in run.output
    assert "(1 connection)" in run.output


def test_token_refused_by_a_real_relay(real_relay: StartRelay, loadtest: LoadTest) -> None:
    relay = real_relay(JWT_SECRET="a secret that is long enough for HS256")
    run = loadtest(relay.host, "--token", "nonsense")
    assert run.code == 3
    assert (
        "401 token refused: pass a valid one with --token, --token-file or JWT_SECRET" in run.output
    )
    assert "(4 connections)" in run.output
