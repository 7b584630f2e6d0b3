"""From a bucket where cameras drop images to a tree of a known layout, and a new data version.

An import goes from room to room: `listing` asks what is in the bucket, `ledger` knows what was
taken before, `labelling` says what is known of an object, `naming` gives it a place in the tree,
`fetching` brings it here and `checking` looks at what has arrived, and `tree` puts all of it into
the data folder at once.
"""

from rlr.data.intake.run import Imported, import_images

__all__ = ["Imported", "import_images"]
