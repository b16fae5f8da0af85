"""Open edX: problems in OLX."""
