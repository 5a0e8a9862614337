"""Every setting of Rollcall: its environment variable, type, unit, default and what it is for.

Read lazily through `get_settings()`, never at import. docs/configuration.md lists them all; a test
fails where the page lags. Secrets may be given by ARN (`*_SECRET_ARN`): core/ does not fetch them,
integrations/secrets does.
"""

from __future__ import annotations

import os
from functools import cache, cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from chalicelib.core.errors import RollcallError


class SettingMissing(RollcallError):
    """A setting that this work needs is not set; `detail` names the variable, never its value."""


class Settings(BaseModel):
    """The environment, parsed. The variable of a field is its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    stage: Literal["local", "test", "dev", "prod"] = Field(
        "prod",
        description="Which environment this is; the statement guard is on in local, test and dev.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least level that is logged."
    )

    db_host: str = Field(
        "127.0.0.1", description="Host of the pooler (or of Postgres, with DB_MODE=direct)."
    )
    db_port: int = Field(
        6432, description="Port of the pooler (or of Postgres, with DB_MODE=direct)."
    )
    db_name: str = Field("rollcall", description="Database name.")
    db_user: str = Field(
        "rollcall_app", description="Database user; the migrate function uses the owner."
    )
    db_password: SecretStr | None = Field(
        None, description="Password of DB_USER; or give DB_SECRET_ARN or DB_IAM_AUTH."
    )
    db_secret_arn: str | None = Field(
        None, description="Secrets Manager secret with `username` and `password`."
    )
    db_iam_auth: bool = Field(
        False, description="Sign in with an RDS IAM token instead of a password."
    )
    db_sslmode: Literal["disable", "require", "verify-full"] = Field(
        "verify-full",
        description="TLS towards the database: none, unverified, or verified with host name.",
    )
    db_mode: Literal["pgbouncer", "rds_proxy", "direct"] = Field(
        "rds_proxy", description="What DB_HOST is; `direct` is for migrations."
    )
    db_pool_size: int = Field(1, ge=1, le=50, description="Connections that one process keeps.")
    db_max_overflow: int = Field(
        0, ge=0, le=50, description="Connections beyond DB_POOL_SIZE that one process may open."
    )
    db_pool_timeout_seconds: float = Field(
        5,
        gt=0,
        le=60,
        description="Seconds in which a request has a connection, or its 503 pool_exhausted.",
    )
    db_pool_recycle_seconds: int = Field(
        1800, gt=0, description="Seconds after which a connection is replaced."
    )
    slow_query_seconds: float = Field(
        1.0, gt=0, description="Seconds from which a statement is logged as slow."
    )

    jwt_secret: SecretStr | None = Field(
        None, description="HS256 key, at least 32 bytes; or give JWT_SECRET_ARN."
    )
    jwt_secret_previous: SecretStr | None = Field(
        None, description="The key before a rotation of JWT_SECRET; its tokens hold until they end."
    )
    jwt_secret_arn: str | None = Field(
        None,
        description="Secrets Manager secret that holds the HS256 key; its previous version counts"
        " too.",
    )
    access_token_seconds: int = Field(900, gt=0, description="Seconds that an access token holds.")
    refresh_token_seconds: int = Field(
        1209600, gt=0, description="Seconds after its last refresh that a session ends."
    )
    registration_open: bool = Field(
        True, description="Whether anyone may register; accounts made so are students'."
    )
    login_failures_per_account: int = Field(
        10, gt=0, le=1000, description="Failed logins of one account in 15 minutes."
    )
    login_failures_per_address: int = Field(
        50, gt=0, le=1000, description="Failed logins from one network address in 15 minutes."
    )
    registrations_per_address: int = Field(
        100, gt=0, le=1000, description="Registrations from one network address in an hour."
    )
    mails_per_account: int = Field(
        10, gt=0, le=1000, description="Forgotten names and passwords for one mailbox in an hour."
    )
    mails_per_address: int = Field(
        100,
        gt=0,
        le=1000,
        description="Forgotten names and passwords from one network address in an hour.",
    )

    self_enrolment: bool = Field(
        False, description="Whether students enrol in published sections, and withdraw, themselves."
    )

    aws_endpoint_url: str | None = Field(
        None, description="Where S3, SQS, SES and Secrets Manager answer; absent on AWS itself."
    )
    bucket: str | None = Field(None, description="S3 bucket of uploads, results and attachments.")
    queue_imports_url: str | None = Field(
        None, description="SQS queue of the function import_rows."
    )
    queue_exports_url: str | None = Field(
        None, description="SQS queue of the function export_rows."
    )
    queue_fanout_url: str | None = Field(None, description="SQS queue of the function fan_out.")
    queue_mail_url: str | None = Field(None, description="SQS queue of the function send_mail.")
    queue_channels_url: str | None = Field(
        None, description="SQS queue of the function post_to_channels."
    )
    queue_mail_events_url: str | None = Field(
        None, description="SQS queue of the function record_mail_events."
    )

    mail_from: str | None = Field(
        None, description="Who mails are from, such as `Rollcall <no-reply@rollcall.example>`."
    )
    mail_configuration_set: str | None = Field(
        None, description="SES configuration set that tells of bounces and complaints."
    )
    mail_rate_per_second: float = Field(
        14, ge=1, le=10_000, description="Mails a second that SES grants the account."
    )

    mail_transport: Literal["ses", "smtp"] = Field(
        "ses", description="What mails leave by: SES, or the relay that SMTP_URL names."
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="Relay of MAIL_TRANSPORT `smtp`: `smtps://user:password@host:465`,"
        " `smtp://…:587` (STARTTLS, always) or `smtp+plain://…` without TLS; or SMTP_URL_ARN.",
    )
    smtp_url_arn: str | None = Field(
        None, description="Secrets Manager secret that holds the SMTP_URL."
    )
    channel_key: SecretStr | None = Field(
        None,
        description="Key that secrets of channels are sealed with, at least 32 bytes; or give"
        " CHANNEL_KEY_ARN.",
    )
    channel_key_previous: SecretStr | None = Field(
        None, description="The key before a rotation of CHANNEL_KEY; what it sealed still opens."
    )
    channel_key_arn: str | None = Field(
        None,
        description="Secrets Manager secret that holds the CHANNEL_KEY; its previous version opens"
        " too.",
    )
    channel_private_hosts: str = Field(
        "",
        description="Private hosts, as `host:port` and separated by commas, that channels may reach"
        " all the same, mail relays without TLS, too.",
    )
    telegram_url: str = Field(
        "https://api.telegram.org", description="Where the API of Telegram's bots answers."
    )

    attachment_types: str = Field(
        "application/pdf,application/rtf,text/rtf,application/msword,"
        "application/vnd.ms-excel,application/vnd.ms-powerpoint,"
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document,"
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet,"
        "application/vnd.openxmlformats-officedocument.presentationml.presentation,"
        "application/vnd.oasis.opendocument.text,"
        "application/vnd.oasis.opendocument.spreadsheet,"
        "application/vnd.oasis.opendocument.presentation,application/epub+zip,text/plain,"
        "text/csv,text/markdown,application/zip,application/x-zip-compressed,"
        "application/gzip,application/x-7z-compressed,image/png,image/jpeg,image/gif,"
        "image/webp,image/bmp,image/tiff,image/heic,image/heif,image/avif,audio/mpeg,"
        "audio/aac,audio/mp4,audio/x-m4a,audio/ogg,audio/wav,audio/x-wav,audio/flac,"
        "audio/x-flac,audio/webm,video/mp4,video/quicktime,video/webm,video/x-matroska,"
        "video/ogg,video/mpeg,video/x-msvideo",
        description="Types, separated by commas, that files of courses may have.",
    )

    metrics_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="Bearer token that opens GET /metrics, of 16 characters or more.",
    )
    metrics_namespace: str | None = Field(
        None,
        description="Namespace of the CloudWatch metrics that log lines carry; none if absent.",
    )
    prometheus_multiproc_dir: str | None = Field(
        None,
        description="Folder where the processes of one machine share their figures; absent on AWS.",
    )
    pooler_admin_url: SecretStr | None = Field(
        None,
        description="Console of PgBouncer, `postgresql://user:password@host:port/pgbouncer`.",
    )
    db_proxy_name: str | None = Field(
        None, description="Name of the RDS Proxy, under which CloudWatch has its figures."
    )

    web_origin: str = Field(
        "http://127.0.0.1:8000", description="Origin of the web app; links in mails start with it."
    )
    api_origin: str | None = Field(
        None,
        description="Where calendars and mail programs reach the API, with a path if it has one;"
        " WEB_ORIGIN else.",
    )
    cors_origins: str = Field(
        "", description="Origins, separated by commas, that browsers may call the API from."
    )

    @cached_property
    def allowed_origins(self) -> frozenset[str]:
        """Origins that get CORS headers."""
        return frozenset(o.strip().rstrip("/") for o in self.cors_origins.split(",") if o.strip())

    @cached_property
    def allowed_attachment_types(self) -> frozenset[str]:
        """Types that files of courses may have, in lower case."""
        return frozenset(t.strip().lower() for t in self.attachment_types.split(",") if t.strip())

    @cached_property
    def trusted_private_hosts(self) -> frozenset[str]:
        """Private hosts that channels may reach, as `host:port` in lower case."""
        return frozenset(
            h.strip().lower() for h in self.channel_private_hosts.split(",") if h.strip()
        )

    @property
    def web_root(self) -> str:
        """What URLs of the web app begin with, up to their path."""
        return self.web_origin.rstrip("/")

    @property
    def api_root(self) -> str:
        """What URLs of the API begin with where others than the web app are given them."""
        return (self.api_origin or self.web_origin).rstrip("/")

    @property
    def guards_statements(self) -> bool:
        """Whether a pinning or leaking statement is refused."""
        return self.stage != "prod"

    def require(self, name: str) -> str:
        """Return the text of an optional setting.

        Raises:
            SettingMissing: it is not set.
        """
        value = getattr(self, name)
        if value is None or value == "":
            raise SettingMissing(f"{name.upper()} is not set.")
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


@cache
def get_settings() -> Settings:
    """Return the settings of this process; an empty variable counts as absent."""
    names = Settings.model_fields
    return Settings.model_validate(
        {name: value for name in names if (value := os.environ.get(name.upper(), "")) != ""}
    )


def reset_settings() -> None:
    """Forget what was read, so that the next `get_settings()` reads the environment again."""
    get_settings.cache_clear()
