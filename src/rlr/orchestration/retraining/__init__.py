"""Retraining: what is new, whether it is worth a training, and what came of it.

`importing` makes a data version of what has arrived, on the line that `line` finds; `news` counts
what a training has not seen; `decision` has the rules, and `deciding` asks them with what the
registry knows; `report` tells how it ended.
"""
