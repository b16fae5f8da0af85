"""For instructors of any nbgrader course: builds labs, verifies checks, grades classes."""

import sys

# nbformat imports jsonschema, and that a grammar of international URLs, which takes it two seconds to build at every
# start of a process and which no schema of notebooks asks for. jsonschema goes on without what it cannot import.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
