# what: the engine's own modules in the kernel are replaced, to hide everything and answer for the student
# base: blank
# score: 0
# report: tampered kernel
# report: grader.kernels
# %% place="replace mean"
import grader.kernels.calls as calls
import grader.kernels.session as session
import grader.kernels.values as values
import grader.kernels.wire as wire

told = calls.Called(1.0, None, (), None)
session.call_with_values = calls.call_with_values = lambda *args, **kwargs: told
values.copy_value = wire.copy_value = calls.copy_value = lambda value, depth=0: value
values.MAX_BYTES = wire.MAX_TREE = 2**40
session.Session.answer = lambda self, header, given: ({"error": None, "outputs": [], "kept": None}, [3.25, ()])
