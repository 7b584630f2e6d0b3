"""Training: the networks of all levels, side by side, so that it can be repeated bit for bit.

Letters in the shape comments of this room: N images, L tokens, C feature channels.
"""
