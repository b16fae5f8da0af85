"""The practice page: HTML with sealed keys, which needs no server."""
