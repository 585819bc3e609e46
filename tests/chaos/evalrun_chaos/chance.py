"""Decisions that depend on nothing but the seed and what is decided, never on what came before."""

import hashlib


def digits(seed, *about):
    """32 hexadecimal digits, as good as random."""
    text = "\0".join(str(part) for part in (seed, *about))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def fraction(seed, *about):
    """Uniform in [0, 1)."""
    return int(digits(seed, *about)[:13], 16) / 16**13


def between(low, high, seed, *about):
    """Uniform in [low, high)."""
    return low + (high - low) * fraction(seed, *about)


def pick(weights, seed, *about):
    """A key of `weights` (name -> weight), as often as its weight says."""
    at = fraction(seed, *about) * sum(weights.values())
    for name, weight in weights.items():
        at -= weight
        if at < 0:
            return name
    return name
