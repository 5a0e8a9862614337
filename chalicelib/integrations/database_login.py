"""How a new database connection signs in: a password, a secret that rotates, or an IAM token."""

from __future__ import annotations

from chalicelib.core.database import Credentials
from chalicelib.core.settings import Settings
from chalicelib.integrations.aws import rds_client
from chalicelib.integrations.secrets import get_login


def database_login(settings: Settings) -> Credentials:
    """Return what DB_PASSWORD, DB_SECRET_ARN or DB_IAM_AUTH say, the first that is set.

    Meant for `database.set_credentials_provider`, which asks at each new connection.

    Raises:
        SecretMissing, SecretsAway: as `secrets.get_secret`.
        SettingMissing: none of the three is set.
    """
    if settings.db_password is None and settings.db_secret_arn:
        return Credentials(*get_login(settings.db_secret_arn))
    if settings.db_password is None and settings.db_iam_auth:
        token = rds_client().generate_db_auth_token(
            DBHostname=settings.db_host, Port=settings.db_port, DBUsername=settings.db_user
        )
        return Credentials(settings.db_user, token)
    return Credentials(settings.db_user, settings.require("db_password"))
