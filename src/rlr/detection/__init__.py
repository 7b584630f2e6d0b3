"""From token scores to anomaly maps, image scores, thresholds and decisions; the artifact.

Letters in the shape comments of this room: N batch, L tokens, H and W input size in pixels.
"""
