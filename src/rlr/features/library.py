"""timm, imported without a search for garbage.

It brings torchvision and torch's compiler along: very many objects, none of them garbage, that
Python would look through again and again, which is about a tenth of the time it takes.
"""

import gc

_searching = gc.isenabled()
gc.disable()
try:
    import timm
    from timm.models._features import FeatureGetterNet
finally:
    if _searching:
        gc.enable()

__all__ = ["FeatureGetterNet", "timm"]
