"""OpenOlat: QTI 2.1 with what it reads in addition."""
