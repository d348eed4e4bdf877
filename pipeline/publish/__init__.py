"""Counts for open publication, with noise by differential privacy."""
