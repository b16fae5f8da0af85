"""ILIAS: question pools in its own QTI 1.2."""
