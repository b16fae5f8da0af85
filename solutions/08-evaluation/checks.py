"""Lab 08 has no hand-written checks: its exercises are functions of plain values, and cases say all of them."""
