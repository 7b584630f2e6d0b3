"""A PNG encoder whose bytes depend on the pixels alone.

Every zlib, and every zlib-ng inside a Pillow wheel, compresses the same picture to other bytes,
and a data set's hash would change with the machine. Here every row has the Paeth filter, and the
differences get one Huffman code of their own and no back-references: a photograph's noise leaves
next to nothing to refer back to, so that the files are as small as libpng's and written in
milliseconds.

Specifications: PNG, third edition (W3C 2025); zlib, RFC 1950; deflate, RFC 1951.
"""

import heapq
import struct
import zlib

import numpy as np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 3: 2}  # channels: grey, red-green-blue
_PAETH_FILTER = 4
_END = 256  # the symbol that ends a deflate block
_SYMBOLS = 257
# Order in which a deflate header gives the lengths of the code lengths' own codes.
_LENGTH_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)


def encode_png(pixels: np.ndarray) -> bytes:
    """Encode a picture.

    Args:
        pixels: Array (H, W) or (H, W, 3), uint8.

    Returns:
        The file's bytes: eight bits a channel, not interlaced, no metadata.
    """
    rows = pixels.reshape(pixels.shape[0], pixels.shape[1], -1)
    height, width, channels = rows.shape
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    data = _filtered(rows)
    packed = b"\x78\x01" + _deflate(data) + struct.pack(">I", zlib.adler32(data.tobytes()))
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")
    return _SIGNATURE + chunks


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def _filtered(rows: np.ndarray) -> np.ndarray:
    """Return each row's filter type and its differences from Paeth's prediction."""
    height, width, channels = rows.shape
    values = np.zeros((height + 1, width + 1, channels), dtype=np.int16)
    values[1:, 1:] = rows
    left, above, corner = values[1:, :-1], values[:-1, 1:], values[:-1, :-1]
    # Of the three neighbours, the one nearest to left + above - corner; ties in this order.
    to_left, to_above = np.abs(above - corner), np.abs(left - corner)
    to_corner = np.abs(left + above - 2 * corner)
    nearer = np.where(to_above <= to_corner, above, corner)
    predicted = np.where((to_left <= to_above) & (to_left <= to_corner), left, nearer)
    filtered = np.full((height, 1 + width * channels), _PAETH_FILTER, dtype=np.uint8)
    filtered[:, 1:] = (values[1:, 1:] - predicted).astype(np.uint8).reshape(height, -1)
    return filtered.reshape(-1)


def _deflate(data: np.ndarray) -> bytes:
    """Return one final deflate block with a Huffman code of its own."""
    counts = np.bincount(data, minlength=_SYMBOLS)
    counts[_END] = 1
    lengths = _code_lengths(counts.tolist())
    codes = _canonical_codes(lengths)
    head, head_bits = _block_header(lengths)
    symbols = np.append(data.astype(np.int64), _END)
    return _pack(
        np.append(np.array(head, dtype=np.uint64), codes[symbols]),
        np.append(np.array(head_bits, dtype=np.uint64), np.array(lengths, np.uint64)[symbols]),
    )


def _code_lengths(counts: list[int]) -> list[int]:
    """Return the bits of each symbol in a Huffman code of at most 15 bits.

    A symbol of probability p never gets more than log_phi(1/p) bits (phi the golden ratio), so
    that lifting the rare ones above 1/1300 keeps all within fifteen.
    """
    floor = sum(counts) // 1024
    heap = [(count + floor, symbol) for symbol, count in enumerate(counts) if count]
    heapq.heapify(heap)
    parents: dict[int, int] = {}
    node = len(counts)
    while len(heap) > 1:
        first_count, first = heapq.heappop(heap)
        second_count, second = heapq.heappop(heap)
        parents[first] = parents[second] = node
        heapq.heappush(heap, (first_count + second_count, node))
        node += 1
    return [_depth(symbol, parents) if count else 0 for symbol, count in enumerate(counts)]


def _depth(node: int, parents: dict[int, int]) -> int:
    depth = 0
    while node in parents:
        node = parents[node]
        depth += 1
    return depth


def _canonical_codes(lengths: list[int]) -> np.ndarray:
    """Return the codes that deflate derives from the lengths, first bit lowest."""
    codes = np.zeros(len(lengths), dtype=np.uint64)
    code = 0
    for length in range(1, max(lengths) + 1):
        for symbol, own in enumerate(lengths):
            if own == length:
                codes[symbol] = int(f"{code:0{length}b}"[::-1], 2)
                code += 1
        code <<= 1
    return codes


def _block_header(lengths: list[int]) -> tuple[list[int], list[int]]:
    """Return values and bits that announce the code: plain four-bit lengths, no distances."""
    fields = [(1, 1), (2, 2), (_SYMBOLS - 257, 5), (0, 5), (len(_LENGTH_ORDER) - 4, 4)]
    fields += [(0 if symbol > 15 else 4, 3) for symbol in _LENGTH_ORDER]
    fields += [(int(f"{length:04b}"[::-1], 2), 4) for length in [*lengths, 0]]
    return [value for value, _ in fields], [bits for _, bits in fields]


def _pack(values: np.ndarray, bits: np.ndarray) -> bytes:
    """Join bit fields of at most 15 bits, the first in the lowest bits of the first byte."""
    fill = -len(values) % 4
    values, bits = np.pad(values, (0, fill)), np.pad(bits, (0, fill))
    for _ in range(2):  # fields of up to 15, then 30, then 60 bits
        values = values[0::2] | (values[1::2] << bits[0::2])
        bits = bits[0::2] + bits[1::2]
    ends = np.cumsum(bits)
    starts = ends - bits
    word, shift = (starts >> np.uint64(6)).astype(np.int64), starts & np.uint64(63)
    words = np.zeros(int(ends[-1] >> np.uint64(6)) + 2, dtype="<u8")
    first = np.flatnonzero(np.diff(word, prepend=-1))
    words[word[first]] = np.bitwise_or.reduceat(values << shift, first)
    # What a field's word could not hold goes into the next; the two shifts never reach 64.
    over = (values >> (np.uint64(63) - shift)) >> np.uint64(1)
    words[word[first] + 1] |= np.bitwise_or.reduceat(over, first)
    return words.tobytes()[: (int(ends[-1]) + 7) // 8]
