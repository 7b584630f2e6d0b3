"""Procedural pictures that the package's own backbone learns from.

Nothing here is shared with `rlr.data.synthetic`: the demo's products are its test data, so its
drawing code, its parts and its flaws stay out of what the backbone has seen.

Letters in the shape comments: B batch, S side of a training image, P side of a canvas in pixels.
"""
