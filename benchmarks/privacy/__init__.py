"""Figures of what Silhouette promises about privacy; each module has `figures()`."""
