# SPDX-License-Identifier: Apache-2.0
"""Pseudo-random decisions that depend only on the seed and the subject of the decision, not on their order."""

import hashlib


def digits(seed, *about):
    """32 pseudo-random hexadecimal digits."""
    text = "\0".join(str(part) for part in (seed, *about))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def fraction(seed, *about):
    """Uniform in [0, 1)."""
    return int(digits(seed, *about)[:13], 16) / 16**13


def between(low, high, seed, *about):
    """Uniform in [low, high)."""
    return low + (high - low) * fraction(seed, *about)


def pick(weights, seed, *about):
    """A key of `weights` (name -> weight), with a probability in proportion to its weight."""
    at = fraction(seed, *about) * sum(weights.values())
    for name, weight in weights.items():
        at -= weight
        if at < 0:
            return name
    return name
