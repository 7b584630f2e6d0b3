"""Words that give a secret away."""

import re

_SECRET_NAME = re.compile(r"PASSWORD|PASSWD|TOKEN|SECRET|ACCESS_KEY|CREDENTIAL|WEBHOOK_URL", re.I)
_HARMLESS = re.compile(r"_FILE$|_NAME$|^AWS_EC2_METADATA", re.I)

# user:password@ in an address; $(NAME) is what Kubernetes fills in.
LITERAL_SECRET = re.compile(r"://[^/\s:@]+:(?!\$\()[^/\s@]+@|-----BEGIN [A-Z ]*PRIVATE KEY")


def names_a_secret(variable: str) -> bool:
    """Return whether a variable of that name holds a secret.

    Example:
        >>> names_a_secret("AWS_SECRET_ACCESS_KEY"), names_a_secret("POSTGRES_PASSWORD_FILE")
        (True, False)
    """
    return bool(_SECRET_NAME.search(variable)) and not _HARMLESS.search(variable)
