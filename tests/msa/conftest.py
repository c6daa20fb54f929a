"""Fixtures of the tests of alignments."""

from msa.small_databases import databases

__all__ = ["databases"]
