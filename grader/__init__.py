"""The instructors' package of the RLHF Lab Kit: builds labs, verifies checks, grades classes."""
