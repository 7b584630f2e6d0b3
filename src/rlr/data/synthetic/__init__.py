"""Pictures of parts that never were: an industrial inspection set, free of licences.

How a picture comes about, and which file to read:

    draw       random numbers that depend on a name alone     fixed, noise, filters: arithmetic
    parts/     a part becomes a relief with a material         shapes, paths, lettering, surface
    flaws/     a defect changes the relief or the material
    light      lamp, shadows and reflections on the relief
    camera     exposure, lens, sensor noise, tone curve
    picture    all of these, twice: with the defect and without; the mask is the difference
    png        the bytes
    dataset    the whole set, in MVTec AD's layout

The set has one hash on every machine, for the demo pins it. Therefore all arithmetic is in whole
numbers, which no processor, compiler or library version rounds differently (the one exception,
a square root, is exact: see `fixed.root`); random draws are hashes of names, so that neither the
number of workers nor their order matters; and the files are written by an encoder of our own,
for zlib's output changes from one build to the next.
"""

from rlr.data.synthetic.dataset import generate

__all__ = ["generate"]
