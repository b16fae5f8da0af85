# what: errors are no longer shown, so that a failing assert looks like a pass
# base: blank
# score: 0
# report: tampered kernel
# report: showtraceback
# %% place="replace mean"
shell = get_ipython()
type(shell).showtraceback = lambda self, *args, **kwargs: None
type(shell)._showtraceback = lambda self, *args, **kwargs: None
shell.showtraceback = lambda *args, **kwargs: None
