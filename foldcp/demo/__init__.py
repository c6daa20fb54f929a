"""What runs with no downloads: molecules from the CCD that biotite ships, and a small random Boltz-2.

The demo model drives every line of the real prediction code; its scores and structures mean nothing.
"""

NOTE = "demo weights: random, untrained; structures and scores mean nothing"
"""What tables, reports and logs say beside any number that the demo model made."""
