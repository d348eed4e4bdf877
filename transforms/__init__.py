"""The steps of the job: pure functions first, then the Beam transforms that wire them."""
