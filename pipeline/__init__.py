"""Options, sources, graph, sinks and the command line."""
