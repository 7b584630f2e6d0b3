"""The history of a model: the audit trail as a document, and as a page with a figure."""

from rlr.registry.history.document import history_document, read_history
from rlr.registry.history.page import write_page

__all__ = ["history_document", "read_history", "write_page"]
