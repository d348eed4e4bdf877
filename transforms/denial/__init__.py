"""The deny pass: what says or looks that it is of a person's body, identity or picture, in any record whatever."""
