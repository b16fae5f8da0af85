"""One module a format; each registers its writer with `grader.export.registry.exporter` when it is imported."""
