"""QTI 2.1 and 3.0, which differ in how they spell names."""
