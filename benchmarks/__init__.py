"""Speed and memory, measured by hand with `make bench`; the tests assert no times."""
