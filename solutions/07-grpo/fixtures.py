"""Recipes for the objects that checks of lab 07 need on both sides: none, its exercises take plain values."""
