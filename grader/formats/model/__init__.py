"""What writers share: formats and what they carry, pools, texts, figures, packages; and the marks of responses."""
