"""What a detector is worth on test images: metrics, protocols, a yardstick, the report."""
