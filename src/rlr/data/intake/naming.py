"""A place in the tree for every object: the same on every machine, and never that of another."""

import hashlib
import re
from pathlib import PurePosixPath

from rlr.data.intake.labelling import Judgement
from rlr.data.intake.listing import BucketObject

STEM = 50  # characters of the key's last part that a name keeps
DIGITS = 10  # hexadecimal digits of the hash


def file_name(thing: BucketObject) -> str:
    """Return the name of an object's file: the last part of its key, and a hash.

    The hash is over bucket, key and ETag. So keys that end alike do not meet, and what was put
    under an old key is another file; order and number of other objects change no name.

    Example:
        >>> file_name(BucketObject("camera", "line 1/cam 2/0007.PNG", 10, "abc"))
        '0007-a7e21a35b5.png'
    """
    last = PurePosixPath(thing.key)
    stem = re.sub(r"[^\w.-]", "_", last.stem)[:STEM].lstrip(".") or "image"
    digest = hashlib.sha256(f"{thing.source}\n{thing.etag}".encode()).hexdigest()
    return f"{stem}-{digest[:DIGITS]}{last.suffix.lower()}"


def tree_path(thing: BucketObject, judgement: Judgement) -> str:
    """Return where an object goes in the MVTec AD layout, relative to the root.

    `CLASS/train/good/NAME`, `CLASS/test/DEFECT/NAME`, or `CLASS/unlabelled/NAME`.
    """
    folders = [judgement.class_name, judgement.split]
    if judgement.label is not None:
        folders.append(judgement.label)
    return "/".join([*folders, file_name(thing)])
