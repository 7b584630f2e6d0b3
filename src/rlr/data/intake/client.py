"""A client of S3, set up by the standard AWS variables alone, and its faults in one sentence."""

import errno
from typing import Any

from rlr.config.intake import IntakeConfig
from rlr.foundation.errors import MachineError, RlrError, UserError

REFUSALS = {
    "403",
    "AccessDenied",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
}
ELSEWHERE = {"301", "AuthorizationHeaderMalformed", "PermanentRedirect"}
GONE = {"404", "NoSuchKey"}
CHANGED = {"412", "PreconditionFailed"}


def connect(settings: IntakeConfig) -> Any:
    """Return a client of S3 for several threads.

    Endpoint, region and credentials are those of the AWS variables and files. A request is tried
    `settings.attempts` times with growing, random pauses before it counts as failed.

    Raises:
        UserError: The variables contradict one another.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    options = Config(
        connect_timeout=min(10.0, settings.timeout),
        read_timeout=settings.timeout,
        max_pool_connections=settings.concurrency + 1,
        retries={"mode": "standard", "total_max_attempts": settings.attempts},
    )
    try:
        return boto3.session.Session().client("s3", config=options)
    except (BotoCoreError, ValueError) as error:
        raise UserError(
            f"S3 cannot be used ({_words(error)}); check the AWS_ variables and files."
        ) from error


def error_code(error: BaseException) -> str:
    """Return S3's own name of a refusal, such as NoSuchKey; "" where it said nothing."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def explain(url: str, error: BaseException) -> RlrError:
    """Return the sentence for a failed access to a bucket.

    Args:
        url: What was asked for.
        error: What boto3, or the operating system, has raised.
    """
    if isinstance(error, RlrError):
        return error
    code, words = error_code(error), _words(error)
    name = type(error).__name__
    if code in GONE or code == "NoSuchBucket" or name == "ParamValidationError":
        what = url if code in GONE else f"The bucket of {url}"
        return UserError(f"{what} does not exist; correct the name, or create it.")
    if code in REFUSALS or "Credentials" in name:
        return UserError(
            f"S3 refuses access to {url} ({code or words}); check AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY and the bucket's permissions."
        )
    if code in ELSEWHERE:
        return UserError(
            f"The bucket of {url} lies elsewhere ({code}); set AWS_DEFAULT_REGION or "
            "AWS_ENDPOINT_URL."
        )
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return MachineError("The disk is full; free some space and run again.")
    return MachineError(f"{url} cannot be reached ({words}); try again.")


def _words(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
