"""The second argument of a Lambda handler, as the gateway and the workers make it."""

from __future__ import annotations

import time


class FunctionContext:
    """What a function is told about its own invocation."""

    __slots__ = (
        "_deadline",
        "aws_request_id",
        "function_name",
        "function_version",
        "invoked_function_arn",
        "log_group_name",
        "log_stream_name",
        "memory_limit_in_mb",
    )

    def __init__(
        self, function_name: str, aws_request_id: str, timeout_seconds: float, memory_mb: int = 512
    ) -> None:
        self.function_name = function_name
        self.function_version = "$LATEST"
        self.aws_request_id = aws_request_id
        self.memory_limit_in_mb = memory_mb
        self.invoked_function_arn = f"arn:aws:lambda:local:000000000000:function:{function_name}"
        self.log_group_name = f"/aws/lambda/{function_name}"
        self.log_stream_name = "local"
        self._deadline = time.monotonic() + timeout_seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function is ended."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))
