"""Run by another Python, which has Open edX's own problem type: grades responses to problems, without a platform.

Standard input: a list of `{"xml": …, "responses": [[answer, …], …]}`; an answer is null (left alone), a text that was
typed, or the places of what was chosen, from 0 on, in the order of the file; one for each response of the problem.
Output: for each problem what it is worth, and what each response earned.
"""

from __future__ import annotations

import gettext
import json
import sys
from types import SimpleNamespace

import django
from django.conf import settings
from lxml import etree

settings.configure(STATIC_URL="/static/")
django.setup()

from xblocks_contrib.problem.capa import responsetypes, util  # noqa: E402
from xblocks_contrib.problem.capa.capa_problem import LoncapaProblem, LoncapaSystem  # noqa: E402

KINDS = ("multiplechoiceresponse", "choiceresponse", "optionresponse", "numericalresponse", "stringresponse")
KNOWN: dict[str, object] = {}  # what an expression without names is worth: each would be parsed thousands of times
evaluate = responsetypes.evaluator


def remembered(variables: dict, functions: dict, expression: str, case_sensitive: bool = False) -> object:
    """Open edX's own evaluator, once for each number. What it refuses is not remembered."""
    if variables or functions:
        return evaluate(variables, functions, expression, case_sensitive)
    if expression not in KNOWN:
        KNOWN[expression] = evaluate(variables, functions, expression, case_sensitive)
    return KNOWN[expression]


responsetypes.evaluator = util.evaluator = remembered


def system() -> LoncapaSystem:
    """What a platform gives to a problem: nothing that grading needs."""
    return LoncapaSystem(
        ajax_url="/",
        anonymous_student_id="student",
        cache=None,
        can_execute_unsafe_code=lambda: False,
        get_python_lib_zip=lambda: None,
        DEBUG=False,
        i18n=gettext.NullTranslations(),
        render_template=lambda _template, _context: "<div/>",
        resources_fs=None,
        seed=0,
        xqueue=None,
    )


def given(response: etree._Element, answer: object) -> object:
    """An answer as a browser would send it."""
    if isinstance(answer, str):
        return answer
    assert isinstance(answer, list)
    if response.tag == "optionresponse":
        (place,) = answer
        return response.findall("optioninput/option")[place].text
    names = [f"choice_{place}" for place in answer]
    return names if response.tag == "choiceresponse" else names[0]


def play(task: dict) -> dict:
    """One problem with all its responses."""
    block = SimpleNamespace(location="problem", runtime=SimpleNamespace(publish=lambda *_: None))
    problem = LoncapaProblem(task["xml"], "p", system(), block, seed=1)
    problem.get_html()
    fields = [element for element in etree.fromstring(task["xml"].encode()).iter() if element.tag in KINDS]
    assert len(problem.responders) == len(fields)
    names = sorted(problem.inputs, key=lambda name: int(name.split("_")[1]))
    earned = []
    for response in task["responses"]:
        pairs = zip(names, fields, response, strict=True)
        answers = {name: given(field, answer) for name, field, answer in pairs if answer is not None}
        grades = problem.grade_answers(dict.fromkeys(names, "") | answers)
        earned.append(sum(grades.get_npoints(name) for name in names))
    return {"worth": problem.get_max_score(), "earned": earned}


json.dump([play(task) for task in json.load(sys.stdin)], sys.stdout)
