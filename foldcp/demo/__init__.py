"""What runs with no downloads: molecules from the CCD that biotite ships, and a small random Boltz-2.

The demo model drives every line of the real prediction code; its scores and structures mean nothing.
"""

from foldcp.config import DEMO_NOTE as NOTE

__all__ = ["NOTE"]
