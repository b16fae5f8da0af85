"""A plugin for pytest that puts our Execute in the place of nbgrader's, for nbgrader's own test suite."""

from __future__ import annotations

from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute as StockExecute
from traitlets import List

from grader.grading.nbgrader_execute import Execute

stock = Autograde.autograde_preprocessors
steps = [Execute if step is StockExecute else step for step in stock.default()]
Autograde.autograde_preprocessors = List(steps, help=stock.help).tag(config=True)
Autograde.setup_class(Autograde.__dict__)
