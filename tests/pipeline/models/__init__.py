"""Models: cards, registry, command."""
