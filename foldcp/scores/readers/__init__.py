"""Readers of predictions, one module for each program, and `find`, which tells them apart."""
