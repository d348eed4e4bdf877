"""What Silhouette's promises are worth, in figures."""
