"""The process in which a function runs: imports one handler, then answers events one by one.

Started by invoker.py as `runtime.py HANDLER FD`; events and answers are lines of JSON on a socket,
so that whatever the function prints goes to its log.
"""

from __future__ import annotations

import importlib
import json
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

from context import FunctionContext
from launch import end_with_parent


def main() -> None:
    end_with_parent()
    # The function sees the checkout, as /var/task on AWS, and not the modules beside this one.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    handler_name, descriptor = sys.argv[1:]
    with socket.socket(fileno=int(descriptor)) as channel:
        module, _, attribute = handler_name.rpartition(".")
        handler = getattr(importlib.import_module(module), attribute)
        with channel.makefile("rwb") as lines:
            _answer(lines, {"ready": True})
            for line in lines:
                _answer(lines, _outcome(handler, json.loads(line)))


def _outcome(handler: Any, call: dict[str, Any]) -> dict[str, Any]:
    context = FunctionContext(
        call["function_name"], call["request_id"], call["timeout_seconds"], call["memory_mb"]
    )
    try:
        result = handler(call["event"], context)
        json.dumps(result)
    except Exception as error:
        # Lambda writes it to the function's log as well.
        traceback.print_exc()
        sys.stderr.flush()
        return {"error": f"{type(error).__name__}: {error}"}
    return {"result": result}


def _answer(lines: Any, answer: dict[str, Any]) -> None:
    lines.write(json.dumps(answer).encode() + b"\n")
    lines.flush()


if __name__ == "__main__":
    main()
