"""Handlers that the tests of the workers let the local cloud run."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any


def _note(event: dict[str, Any], word: str = "seen") -> list[dict[str, Any]]:
    with Path(os.environ["NOTES"]).open("a") as notes:
        for record in event["Records"]:
            receives = record["attributes"]["ApproximateReceiveCount"]
            notes.write(f"{word} {record['body']} {receives} {os.getpid()}\n")
    return list(event["Records"])


def notes_all(event: dict[str, Any], _context: Any) -> None:
    _note(event)


def fails_bad_ones(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    failed = [r["messageId"] for r in _note(event) if r["body"].startswith("bad")]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def names_a_stranger(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    _note(event)
    return {"batchItemFailures": [{"itemIdentifier": "nobody"}]}


def raises_once(event: dict[str, Any], _context: Any) -> None:
    for record in _note(event):
        if record["attributes"]["ApproximateReceiveCount"] == "1":
            raise RuntimeError("the first time never works")


def dies_once(event: dict[str, Any], _context: Any) -> None:
    for record in _note(event):
        if record["attributes"]["ApproximateReceiveCount"] == "1":
            os._exit(3)


def hangs_once(event: dict[str, Any], _context: Any) -> None:
    for record in _note(event):
        if record["attributes"]["ApproximateReceiveCount"] == "1":
            child = subprocess.Popen(["sleep", "60"])
            Path(os.environ["NOTES"]).with_suffix(".child").write_text(str(child.pid))
            time.sleep(60)


def works_slowly(event: dict[str, Any], _context: Any) -> None:
    _note(event, "begin")
    time.sleep(0.4)
    _note(event, "end")


def tells_its_context(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return {
        "event": event,
        "name": context.function_name,
        "memory": context.memory_limit_in_mb,
        "left_ms": context.get_remaining_time_in_millis(),
        "request_id": context.aws_request_id,
        "pid": os.getpid(),
        "modules_of_the_local_cloud": _can_import("invoker"),
    }


def _can_import(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True
