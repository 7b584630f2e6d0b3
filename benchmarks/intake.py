"""How fast images come in from a bucket: objects a second, one at a time and several at once.

    rlr services up && python benchmarks/intake.py [--objects 1000] [--pairs 3] [--json FILE]

The server is that of the AWS variables (or of `.env`), which on loopback answers at once: a
distant one gains more. Wall-clock time of whole imports, measured in turn; the ratio is taken
pair by pair.
"""

import argparse
import io
import os
import platform
import statistics
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import numpy as np
from dotenv import load_dotenv
from PIL import Image

from rlr import __version__
from rlr.config.data import DataConfig
from rlr.config.intake import IntakeConfig
from rlr.data.intake import import_images
from rlr.foundation.documents import write_json

SIDE = 64  # pixels; about 12 kB an object
CONCURRENCY = (1, IntakeConfig().concurrency)


def main() -> int:
    """Fill a bucket, measure, print a table, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    load_dotenv(".env")
    bucket = boto3.resource("s3").Bucket(f"benchmark-{uuid.uuid4().hex[:12]}")
    bucket.create()
    try:
        with ThreadPoolExecutor(16) as pool:
            keys = [f"{number:05d}.png" for number in range(arguments.objects)]
            list(pool.map(lambda key: bucket.put_object(Key=key, Body=picture(key)), keys))
        rounds = [
            {number: seconds(bucket.name, number) for number in CONCURRENCY}
            for _ in range(arguments.pairs)
        ]
    finally:
        bucket.objects.delete()
        bucket.delete()
    result = summarise(rounds, arguments.objects)
    for number, rate in result["objects_a_second"].items():
        print(f"{number:>3} at once: {rate:7.1f} objects a second")
    print(f"ratio: {result['ratio']:.2f}")
    if arguments.json:
        write_json(arguments.json, result)
    return 0


def picture(key: str) -> bytes:
    """Return a PNG of noise, another for each key."""
    draws = np.random.default_rng(int(key[:5]))
    stream = io.BytesIO()
    pixels = draws.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def seconds(bucket: str, concurrency: int) -> float:
    """Return the wall-clock time of an import into an empty folder."""
    intake = IntakeConfig(class_name="noise", concurrency=concurrency)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        import_images(DataConfig(root=f"{folder}/data", intake=intake), f"s3://{bucket}")
        return time.perf_counter() - started


def summarise(rounds: list[dict[int, float]], objects: int) -> dict:
    """Return median rates and the median of the ratios."""
    few, many = CONCURRENCY
    return {
        "objects_a_second": {
            str(number): objects / statistics.median(one[number] for one in rounds)
            for number in CONCURRENCY
        },
        "ratio": statistics.median(one[few] / one[many] for one in rounds),
        "machine": {
            "processors": os.cpu_count(),
            "architecture": platform.machine(),
            "python": platform.python_version(),
            "rlr": __version__,
            "objects": objects,
            "pairs": len(rounds),
        },
    }


if __name__ == "__main__":
    sys.exit(main())
