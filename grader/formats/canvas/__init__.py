"""Canvas: QTI 1.2 in its own words; and Common Cartridge, the narrower profile that others read too."""
