"""The public notice and the draft of the impact assessment: what the site file and the evidence say, in words."""
