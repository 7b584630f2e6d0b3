"""Asking S3, and its buckets; for any server that speaks it."""

from typing import TYPE_CHECKING

from rlr.infrastructure.services.place import ARTIFACT_BUCKET, DATA_BUCKET, REGION, Settings

if TYPE_CHECKING:
    from botocore.client import BaseClient

BUCKETS = (DATA_BUCKET, ARTIFACT_BUCKET)


def client(settings: Settings, timeout: float) -> "BaseClient":
    """Return a client that tries once, and not for long."""
    import boto3
    from botocore.config import Config
    from botocore.session import Session

    # A session of its own: the default one is shared, and threads must not make clients of it.
    # No profile of the user, and no proxy: these are no servers of the world outside.
    session = Session(session_vars={"profile": (None, None, None, None)})
    return boto3.session.Session(botocore_session=session).client(
        "s3",
        endpoint_url=settings.endpoint,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        region_name=REGION,
        config=Config(
            connect_timeout=timeout,
            read_timeout=timeout,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            proxies={},
        ),
    )


def why_unable(settings: Settings, timeout: float) -> str | None:
    """Send a signed request that reads a bucket's index; return what is wrong, or None."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        s3 = client(settings, timeout)
        for bucket in BUCKETS:
            s3.list_objects_v2(Bucket=bucket, MaxKeys=1)
    except (BotoCoreError, ClientError) as error:
        return " ".join(str(error).split())
    return None


def why_no_buckets(settings: Settings, timeout: float) -> str | None:
    """Make the buckets that are not there; return why that is not possible yet, or None."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        s3 = client(settings, timeout)
        there = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
        for bucket in BUCKETS:
            if bucket not in there:
                s3.create_bucket(Bucket=bucket)
    except (BotoCoreError, ClientError) as error:
        return " ".join(str(error).split())
    return None
