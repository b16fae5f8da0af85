"""What goes out to students and instructors, and what comes back: bundles, and the bulk downloads of LMSs."""
