"""The AWS endpoint: whatever answers at AWS_ENDPOINT_URL, else ministack, started there.

Run as a program this file becomes ministack itself, bound to loopback, with presigned limits
checked, keeping queues over a clean stop and objects always.
"""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import launch
from places import CHECKOUT, Place
from ports import HOST, is_loopback
from supervisor import Program, StartFailed

ACCOUNT = "000000000000"
REGION = "eu-central-1"
_SERVICES = "s3,sqs,sns,ses,secretsmanager,sts,iam,kms"


def credentials(endpoint_is_ours: bool) -> dict[str, str]:
    """Return what a client needs; another endpoint may want the caller's own keys."""
    given = {} if endpoint_is_ours else os.environ
    return {
        "AWS_ACCESS_KEY_ID": given.get("AWS_ACCESS_KEY_ID") or "test",
        "AWS_SECRET_ACCESS_KEY": given.get("AWS_SECRET_ACCESS_KEY") or "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def answers(endpoint: str) -> bool:
    """Say whether anything speaks HTTP at an address."""
    try:
        with urllib.request.urlopen(endpoint, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def program(place: Place, endpoint: str, letterbox_port: int) -> Program:
    """Return how the embedded emulator runs; it relays mails to the letterbox.

    Raises:
        StartFailed: nothing answers at an address that is not on this machine.
    """
    if not is_loopback(endpoint):
        raise StartFailed(
            f"Nothing answers at AWS_ENDPOINT_URL={endpoint}, and the embedded emulator is only "
            "started on this machine: start that endpoint, or unset AWS_ENDPOINT_URL."
        )
    port = urlsplit(endpoint).port
    objects, state, temporary = (place.objects / name for name in ("s3", "state", "tmp"))
    for directory in (objects, state, temporary):
        directory.mkdir(exist_ok=True)
    return Program(
        name="emulator",
        command=[sys.executable, __file__],
        environment={
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(place.objects),
            "TMPDIR": str(temporary),
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(port),
            "EDGE_PORT": str(port),
            "MINISTACK_HOST": HOST,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "AUTH": "true",
            "SERVICES": _SERVICES,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(state),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(objects),
            "SMTP_HOST": f"{HOST}:{letterbox_port}",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            # It would look for containers to clean up: there is nothing of ours in Docker.
            "DOCKER_HOST": f"unix://{temporary}/no-docker.sock",
            "LOG_LEVEL": "WARNING",
            **credentials(endpoint_is_ours=True),
        },
        log=place.logs / "emulator.log",
        port=port,
        directory=CHECKOUT,
        stop_seconds=8.0,
        is_ready=lambda: answers(f"{endpoint}/_ministack/health"),
    )


if __name__ == "__main__":
    launch.end_with_parent()
    from ministack.app import main

    main()
