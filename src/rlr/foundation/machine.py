"""What this machine computes with."""

import platform
from pathlib import Path

# Instruction sets in which sums come out otherwise; the rest of the flags says nothing here.
INSTRUCTIONS = ("sse4_2", "avx", "avx2", "fma", "avx512", "avx_vnni", "amx", "asimd", "sve")
CPUINFO = Path("/proc/cpuinfo")


def processor() -> str:
    """Return the name of this machine's processor."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def instruction_sets() -> str:
    """Return the vector instructions of this machine's processor, sorted, or "unknown"."""
    flags = (_cpuinfo("flags") or _cpuinfo("Features")).split()
    return " ".join(sorted(flag for flag in flags if flag.startswith(INSTRUCTIONS))) or "unknown"


def _cpuinfo(key: str) -> str:
    try:
        lines = CPUINFO.read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")
