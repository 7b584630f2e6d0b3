"""`s3://BUCKET/PREFIX`, or a folder: which objects are meant."""

from dataclasses import dataclass

from rlr.foundation.errors import UserError

SCHEME = "s3://"
FILE_SCHEME = "file://"


@dataclass(frozen=True)
class Location:
    """A bucket, and what the keys begin with; or a folder, which is a bucket without prefix.

    Attributes:
        bucket: Name of the bucket, or absolute path of the folder.
        prefix: Beginning of the keys, "" for all of them; ends with a slash.
        scheme: What a URL of it begins with.
    """

    bucket: str
    prefix: str
    scheme: str = SCHEME

    @property
    def url(self) -> str:
        """The location as it is written."""
        return f"{self.scheme}{self.bucket}/{self.prefix}"

    def relative(self, key: str) -> str:
        """Return a key without the prefix."""
        return key.removeprefix(self.prefix)


def parse_location(url: str) -> Location:
    """Read an s3:// URL; a prefix is a folder: it ends where a key's part ends.

    Raises:
        UserError: It is of another kind, names no bucket, or holds credentials.

    Example:
        >>> parse_location("s3://camera/line-1").prefix
        'line-1/'
    """
    bucket, key = split_url(url)
    prefix = key.strip("/")
    return Location(bucket, f"{prefix}/" if prefix else "")


def split_url(url: str) -> tuple[str, str]:
    """Return the bucket and the key of an s3:// URL. Raises as `parse_location` does."""
    bucket, _, key = url.removeprefix(SCHEME).partition("/")
    if "@" in bucket:  # and the URL is not repeated: it may hold a secret
        raise UserError(
            "The s3:// URL holds credentials; leave them out and set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY."
        )
    if not url.startswith(SCHEME) or not bucket:
        raise UserError(f"'{url}' names no bucket; write s3://BUCKET/PREFIX.")
    return bucket, key
