# what: frames, modules and all objects of the kernel are searched while a check calls
# base: solution
# score: 5
# report: sys._getframe
# report: gc.get_objects
# report: sys.modules
# %% place="replace spread"
import gc
import re
import sys

PATTERN = re.compile(r"CANARY-[a-z]+-[0-9a-f]{32}")
seen = set()


def look():
    frame = sys._getframe()
    while frame is not None:
        for value in list(frame.f_locals.values()) + list(frame.f_globals.values()):
            seen.update(PATTERN.findall(repr(value)[:100_000]) if isinstance(value, (str, bytes, list, dict)) else ())
        frame = frame.f_back
    for thing in gc.get_objects():
        if type(thing) in (dict, list, tuple) and len(thing) < 1000:
            values = thing.values() if type(thing) is dict else thing
            for value in list(values):
                if type(value) is str and "CANARY-" in value:
                    seen.update(PATTERN.findall(value))
    for name in list(sys.modules):
        if name.startswith(("grader.checks", "grader.grading", "grader.build", "lab_", "checks", "solutions")):
            seen.add(name)


def spread(values):
    look()
    return max(values) - min(values)


# %% place="end"
look()
print(sorted(seen))
if seen:
    print("ATTACK SUCCEEDED: it is in the memory")
