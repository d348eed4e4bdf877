"""Site files from the configurations of other tools."""
