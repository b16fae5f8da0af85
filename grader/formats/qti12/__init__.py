"""QTI 1.2 from elsewhere: the standard's own rules, and whose dialect an item is in."""
