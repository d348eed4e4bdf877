"""Temporary."""
from enum import IntFlag

class Flaw(IntFlag):
    DARK = 1
    BLURRED = 2
    COVERED = 4
    FROZEN = 8
    MOVED = 16

class PictureCheck:
    def __init__(self, reference=None, mask=None): pass
    def update(self, offset_us, picture): return Flaw(0)
