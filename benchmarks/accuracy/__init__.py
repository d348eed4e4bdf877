"""How well people are followed and counted, against ground truth and against others."""
