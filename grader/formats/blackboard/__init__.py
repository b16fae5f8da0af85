"""Blackboard Learn: its packages of pools, its text upload, its own QTI 1.2."""
