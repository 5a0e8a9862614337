"""The whole local cloud, from outside: what a person's `make start` gives, killed part by part."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from tests.localstack.cloud import CHECKOUT, HEALTHY_AGAIN_SECONDS, PASSWORD, Cloud, wait_for

PARTS = ("letterbox", "emulator", "postgres", "pooler", "front", "workers")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud.started(tmp_path_factory.mktemp("cloud") / "state") as cloud:
        yield cloud


def test_start_returns_when_it_is_healthy_and_says_where(cloud: Cloud) -> None:
    assert cloud.is_healthy()
    again = cloud.command("start")
    assert again.returncode == 0
    assert "running already" in again.stdout
    assert cloud.url in again.stdout


def test_a_second_run_says_that_it_is_running(cloud: Cloud) -> None:
    second = cloud.command("run")
    assert second.returncode == 0
    assert f"is running (pid {cloud.status()['supervisor']['pid']})" in second.stdout


def test_status_lists_each_process(cloud: Cloud) -> None:
    shown = cloud.command("status")
    rows = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines()}
    assert shown.returncode == 0
    for name in PARTS:
        pid, port, state = rows[name]
        part = cloud.part(name)
        assert (int(pid), port, state) == (part["pid"], str(part["port"] or "-"), "running")


def test_everything_listens_on_loopback_only(cloud: Cloud) -> None:
    for name in PARTS:
        parent = psutil.Process(cloud.part(name)["pid"])
        for process in [parent, *parent.children(recursive=True)]:
            for connection in process.net_connections("inet"):
                if connection.status == psutil.CONN_LISTEN:
                    assert connection.laddr.ip == "127.0.0.1", (name, connection)


def test_the_env_file_is_private_and_complete(cloud: Cloud) -> None:
    assert (cloud.state / "env").stat().st_mode & 0o777 == 0o600
    settings = cloud.settings()
    for name in (
        *("DATABASE_URL", "POOLER_URL", "POOLER_ADMIN_URL", "AWS_ENDPOINT_URL", "BUCKET"),
        *(
            "QUEUE_IMPORTS_URL",
            "QUEUE_EXPORTS_URL",
            "QUEUE_FANOUT_URL",
            "QUEUE_MAIL_URL",
            "QUEUE_MAIL_EVENTS_URL",
        ),
        "METRICS_TOKEN",
    ):
        assert settings[name]


def test_the_demo_cast_can_sign_in(cloud: Cloud) -> None:
    for name in ("amara", "rosa", "ben", "tilda", "chloe", "dai"):
        answer = requests.post(
            f"{cloud.url}/auth/login", json={"username": name, "password": PASSWORD}, timeout=10
        )
        assert answer.status_code == 200, (name, answer.text)


def test_the_demo_does_the_main_job(cloud: Cloud, tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.csv"
    catalogue.write_text("code,title\nDEMO1,Logic\nDEMO2,\n")
    done = subprocess.run(
        [sys.executable, "localstack/demo.py", str(catalogue)],
        cwd=CHECKOUT,
        env=cloud._environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 total, 1 created, 0 updated, 0 unchanged, 1 failed" in done.stdout
    assert "202 deliveries" in done.stdout
    assert "201 rows" in done.stdout


def test_a_browser_uploads_a_file_in_parts_and_the_sweep_leaves_it_alone(cloud: Cloud) -> None:
    login = {"username": "rosa", "password": PASSWORD}
    token = requests.post(f"{cloud.url}/auth/login", json=login, timeout=10).json()["access_token"]
    rosa = requests.Session()
    rosa.headers["Authorization"] = f"Bearer {token}"
    course = rosa.get(f"{cloud.url}/api/courses?limit=1", timeout=10).json()["items"][0]["id"]
    content = b"%PDF-1.7\n"
    file = {"course": course, "filename": "讲义.pdf", "content_type": "application/pdf", "size": 9}
    made = rosa.post(f"{cloud.url}/api/course_attachments", json=file, timeout=10)
    url = cloud.url + made.headers["Location"]
    offered = rosa.post(f"{url}/parts", json={"numbers": [1]}, timeout=10).json()
    part = offered["parts"][0]["url"]

    asks = {"Origin": cloud.url, "Access-Control-Request-Method": "PUT"}
    preflight = requests.options(part, headers=asks, timeout=10)
    assert preflight.status_code == 200
    assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
    stranger = requests.options(part, headers=asks | {"Origin": "https://a.example"}, timeout=10)
    assert stranger.status_code == 403
    sent = requests.put(part, data=content, headers={"Origin": cloud.url}, timeout=10)
    assert sent.headers["Access-Control-Allow-Origin"] == cloud.url
    assert "ETag" in sent.headers["Access-Control-Expose-Headers"]

    assert rosa.post(f"{url}/complete", timeout=10).json()["state"] == "ready"
    swept = requests.post(f"{cloud.url}/_local/schedules/sweep", timeout=30)
    assert swept.status_code == 200, swept.text
    link = rosa.get(f"{url}/download", timeout=10, allow_redirects=False).headers["Location"]
    assert requests.get(link, timeout=10).content == content
    assert rosa.delete(url, timeout=10).status_code == 204
    assert requests.get(link, timeout=10).status_code == 404


def test_local_routes_show_queues_and_run_schedules(cloud: Cloud) -> None:
    queues = requests.get(f"{cloud.url}/_local/queues", timeout=10).json()["items"]
    assert {q["name"] for q in queues} == {
        f"rollcall-local-{name}"
        for name in ("imports", "exports", "fanout", "mail", "channels", "mail-events")
    }
    assert all(q["dead_letters"]["visible"] == 0 for q in queues)
    for name in ("relay_outbox", "publish_due"):
        run = requests.post(f"{cloud.url}/_local/schedules/{name}", timeout=30)
        assert run.status_code == 200, run.text
    assert requests.post(f"{cloud.url}/_local/schedules/nope", timeout=10).status_code == 404
    assert requests.get(f"{cloud.url}/_local/schedules/sweep", timeout=10).status_code == 405


def metrics(cloud: Cloud) -> dict[str, float]:
    key = {"Authorization": f"Bearer {cloud.settings()['METRICS_TOKEN']}"}
    answer = requests.get(f"{cloud.url}/metrics", headers=key, timeout=10)
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_add_up_what_every_process_does(cloud: Cloud) -> None:
    """A connection stays with one worker of the front; the one that answers tells of both."""
    route = "http_requests_total GET /auth/password-rules 200"
    runs = "jobs_total relay_outbox success"
    before = metrics(cloud)
    for _ in range(12):
        requests.get(f"{cloud.url}/auth/password-rules", timeout=10)
    requests.post(f"{cloud.url}/_local/schedules/relay_outbox", timeout=30)
    after = metrics(cloud)
    assert after[route] - before.get(route, 0) == 12
    assert after[runs] - before.get(runs, 0) >= 1
    assert after["dlq_depth mail"] == 0
    assert after["pooler_servers_max"] == 30
    in_use, most = after["db_pool_connections_in_use"], after["db_pool_max_connections"]
    assert 0 <= in_use <= most
    folder = cloud.state / "figures"
    assert folder.stat().st_mode & 0o777 == 0o700
    writers = {path.stem.rpartition("_")[2] for path in folder.glob("counter_*.db")}
    assert len(writers) >= 3


def mails(cloud: Cloud, query: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = requests.get(
        f"{cloud.url}/_local/mail{query}", timeout=10
    ).json()["items"]
    return items


def send(cloud: Cloud, to: str, **headers: str) -> None:
    """Send a mail as the function send_mail does."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = "Rollcall <no-reply@rollcall.example>"
    mail["To"] = to
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("明天停课。<b>&\n", cte="base64")
    before = len(mails(cloud))
    ses = boto3.client("ses", endpoint_url=cloud.settings()["AWS_ENDPOINT_URL"])
    ses.send_raw_email(Destinations=[to], RawMessage={"Data": mail.as_bytes()})
    wait_for(lambda: len(mails(cloud)) > before, "the mail is kept")


def test_local_routes_show_mails_newest_first_with_their_headers(cloud: Cloud) -> None:
    send(cloud, "a@rollcall.example", Subject="first")
    unsubscribe = "<https://school.example/unsubscribe/abc>"
    send(cloud, "b@rollcall.example", Subject="停课通知", List_Unsubscribe=unsubscribe)
    newest, first = mails(cloud)[:2]
    assert first["subject"] == "first"
    assert (newest["subject"], newest["to"]) == ("停课通知", ["b@rollcall.example"])
    assert (newest["text"], newest["html"]) == ("明天停课。<b>&\n", None)
    assert (
        newest["headers"].items()
        >= {
            "From": "Rollcall <no-reply@rollcall.example>",
            "To": "b@rollcall.example",
            "Subject": "停课通知",
            "List-Unsubscribe": unsubscribe,
        }.items()
    )
    sent_at = datetime.fromisoformat(newest["sent_at"])
    assert abs((datetime.now(UTC) - sent_at).total_seconds()) < 60
    assert [mail["subject"] for mail in mails(cloud, "?to=A@rollcall.example")] == ["first"]
    page = requests.get(f"{cloud.url}/_local/mail/0", timeout=10)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "&lt;b&gt;&amp;" in page.text
    assert requests.get(f"{cloud.url}/_local/mail/999", timeout=10).status_code == 404


def test_what_a_mail_says_is_in_no_log_and_only_its_owner_reads_it(cloud: Cloud) -> None:
    secret = "a-word-that-only-this-mail-holds"
    send(cloud, f"{secret}@rollcall.example", Subject=secret, X_Note=secret)
    written = b"".join(log.read_bytes() for log in (cloud.state / "logs").iterdir())
    assert b"mail_kept" in written
    assert secret.encode() not in written
    kept = list((cloud.state / "mail").iterdir())
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    assert (cloud.state / "mail").stat().st_mode & 0o777 == 0o700


def queue_mail(cloud: Cloud, kind: str, address: str) -> int:
    """Leave a mail and its message behind, as a request does that dies after its commit."""
    with cloud.owner.begin() as connection:
        mail_id: int = connection.execute(
            text("INSERT INTO mails (kind, address) VALUES (:kind, :address) RETURNING id"),
            {"kind": kind, "address": address},
        ).scalar_one()
        connection.execute(
            text(
                "INSERT INTO outbox (queue, body, correlation_id, claimed_until)"
                " VALUES ('mail', jsonb_build_object('mail_id', CAST(:id AS bigint)),"
                " 'request-0001', now())"
            ),
            {"id": mail_id},
        )
    requests.post(f"{cloud.url}/_local/schedules/relay_outbox", timeout=30)
    return mail_id


def state_of(cloud: Cloud, mail_id: int) -> tuple[str, str | None]:
    with cloud.owner.begin() as connection:
        found = text("SELECT state, reason FROM mails WHERE id = :id")
        state, reason = connection.execute(found, {"id": mail_id}).one()
    return state, reason


def test_a_mail_that_was_queued_arrives_with_a_link_to_this_stack(cloud: Cloud) -> None:
    queue_mail(cloud, "forgot_password", "Chloe@Rollcall.Example")
    (mail,) = wait_for(lambda: mails(cloud, "?to=chloe@rollcall.example"), "the mail is there")
    link = f"{cloud.url}/reset-password?token="
    (token,) = re.findall(re.escape(link) + r"([\w-]{43})\n", mail["text"])
    assert f'href="{link}{token}"' in mail["html"]
    written = b"".join(log.read_bytes() for log in (cloud.state / "logs").iterdir())
    assert b'"event": "mail_sent"' in written
    assert token.encode() not in written


def test_who_bounces_gets_no_more_mail(cloud: Cloud) -> None:
    # SES's own address for trying it out; it bounces with a word to the topic.
    address = "bounce@simulator.amazonses.com"
    with cloud.owner.begin() as connection:
        connection.execute(
            text("UPDATE users SET email = :address WHERE username = 'dai'"), {"address": address}
        )
    mail_id = queue_mail(cloud, "forgot_username", address)
    wait_for(lambda: state_of(cloud, mail_id) == ("bounced", None), "the bounce is recorded")
    again = queue_mail(cloud, "forgot_username", address)
    wait_for(lambda: state_of(cloud, again) == ("skipped", "suppressed"), "it is respected")
    assert len(mails(cloud, f"?to={address}")) == 1


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "evil.example:8000"}, {"Origin": "https://evil.example"}],
)
def test_local_routes_refuse_strangers(cloud: Cloud, headers: dict[str, str]) -> None:
    answer = requests.post(f"{cloud.url}/_local/schedules/sweep", headers=headers, timeout=10)
    assert answer.status_code == 403


def test_an_upload_through_the_front_above_the_limit_is_413(cloud: Cloud) -> None:
    answer = requests.post(f"{cloud.url}/auth/login", data=b"x" * 12_000_000, timeout=20)
    assert answer.status_code == 413
    assert answer.json()["code"] == "payload_too_large"


@pytest.mark.parametrize("name", PARTS)
def test_what_is_killed_is_healthy_again(cloud: Cloud, name: str) -> None:
    before = cloud.part(name)
    psutil.Process(before["pid"]).kill()
    wait_for(
        lambda: (
            cloud.part(name)["pid"] != before["pid"]
            and cloud.part(name)["state"] == "running"
            and cloud.is_healthy()
        ),
        f"{name} is back",
    )
    assert cloud.command("status").returncode == 0


def test_a_killed_worker_process_of_the_front_is_replaced(cloud: Cloud) -> None:
    front = psutil.Process(cloud.part("front")["pid"])
    victims = front.children()
    assert len(victims) == 2
    victims[0].kill()
    wait_for(lambda: len(psutil.Process(cloud.part("front")["pid"]).children()) == 2, "two workers")
    wait_for(cloud.is_healthy, "healthy")


def test_queues_and_bucket_are_there_after_the_emulator_was_killed(cloud: Cloud) -> None:
    settings = cloud.settings()
    s3 = boto3.client("s3", endpoint_url=settings["AWS_ENDPOINT_URL"])
    s3.put_object(Bucket=settings["BUCKET"], Key="results/kept.txt", Body=b"kept")
    before = cloud.part("emulator")["pid"]
    psutil.Process(before).kill()
    wait_for(
        lambda: (
            cloud.part("emulator")["pid"] != before and cloud.part("emulator")["state"] == "running"
        ),
        "the emulator is back",
    )
    assert (
        s3.get_object(Bucket=settings["BUCKET"], Key="results/kept.txt")["Body"].read() == b"kept"
    )
    notifications = s3.get_bucket_notification_configuration(Bucket=settings["BUCKET"])
    assert len(notifications["QueueConfigurations"]) == 1
    sqs = boto3.client("sqs", endpoint_url=settings["AWS_ENDPOINT_URL"])
    assert sqs.get_queue_url(QueueName="rollcall-local-imports")["QueueUrl"]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_a_killed_supervisor_takes_everything_along_and_a_start_works(cloud: Cloud) -> None:
    psutil.Process(cloud.status()["supervisor"]["pid"]).kill()
    wait_for(lambda: not cloud.processes(), "nothing is left")
    assert cloud.command("status").returncode == 1
    started = cloud.command("start")
    assert started.returncode == 0, started.stdout + started.stderr
    assert cloud.is_healthy()


def test_a_stop_leaves_no_process_and_data_stays(cloud: Cloud) -> None:
    settings = cloud.settings()
    s3 = boto3.client("s3", endpoint_url=settings["AWS_ENDPOINT_URL"])
    s3.put_object(Bucket=settings["BUCKET"], Key="results/stays.txt", Body=b"stays")
    stopped = cloud.command("stop")
    assert stopped.stdout.strip() == "stopped"
    assert cloud.processes() == []
    shown = cloud.command("status")
    assert shown.returncode == 1
    assert "running" not in shown.stdout
    assert cloud.command("stop").stdout.strip() == "not running"

    began = time.monotonic()
    assert cloud.command("start").returncode == 0
    assert time.monotonic() - began < HEALTHY_AGAIN_SECONDS
    settings = cloud.settings()
    s3 = boto3.client("s3", endpoint_url=settings["AWS_ENDPOINT_URL"])
    kept = s3.get_object(Bucket=settings["BUCKET"], Key="results/stays.txt")
    assert kept["Body"].read() == b"stays"
    login = {"username": "rosa", "password": PASSWORD}
    assert requests.post(f"{cloud.url}/auth/login", json=login, timeout=10).status_code == 200


def test_a_busy_port_is_one_clear_line(cloud: Cloud, tmp_path: Path) -> None:
    taken = str(cloud.status()["ports"]["postgres"])
    other = Cloud(tmp_path / "state")
    try:
        refused = other.command("start", POSTGRES_PORT=taken)
        assert refused.returncode == 1
        (line,) = [row for row in refused.stderr.splitlines() if row]
        assert f"Port {taken} (Postgres)" in line
        assert "POSTGRES_PORT=" in line
        assert other.processes() == []
    finally:
        other.command("reset")


def test_run_ends_everything_at_ctrl_c(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path / "state")
    log = tmp_path / "run.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "localstack", "run"],
            cwd=CHECKOUT,
            env=cloud._environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(lambda: "Ctrl-C ends everything" in log.read_text(), "it is up", 60)
        assert "rosa registrar" in log.read_text()
        requests.get(f"{cloud.url}/auth/password-rules", timeout=10)
        wait_for(lambda: '"route": "/auth/password-rules"' in log.read_text(), "its logs follow")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert cloud.processes() == []
    finally:
        process.kill()
        process.wait()
        cloud.command("reset")


def test_a_borrowed_cloud_ends_with_its_command(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path)
    code = (
        "import os, pathlib, sys; state = pathlib.Path(os.environ['ROLLCALL_STATE']);"
        "assert (state / 'stack.json').exists();"
        "assert state.parent == pathlib.Path(sys.argv[1]);"
        "os.environ['DATABASE_URL'], os.environ['POOLER_URL'], os.environ['QUEUE_IMPORTS_URL'];"
        "sys.exit(7)"
    )
    done = subprocess.run(
        [sys.executable, "localstack", "exec", "--", sys.executable, "-c", code, str(tmp_path)],
        cwd=CHECKOUT,
        env=cloud._environment,
        timeout=60,
        check=False,
    )
    assert done.returncode == 7
    assert list(tmp_path.iterdir()) == []
    assert cloud.processes() == []


def test_a_borrowed_cloud_ends_when_it_is_told_to(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "localstack", "exec", "--", "sleep", "300"],
        cwd=CHECKOUT,
        env=cloud._environment,
    )
    try:
        wait_for(
            lambda: any(
                "sleep" in child.name() for child in psutil.Process(process.pid).children()
            ),
            "the command runs",
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.wait()
    assert list(tmp_path.iterdir()) == []
    assert cloud.processes() == []
