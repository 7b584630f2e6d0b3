"""Images on disk, the manifest that lists them, and the version that pins them."""
