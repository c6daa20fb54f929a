"""Alignments, one per unique sequence: the a3m format, the shared cache, and the providers behind it."""
