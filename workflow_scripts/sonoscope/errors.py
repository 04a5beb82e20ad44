"""The base of the errors that a user can act on."""


class SonoscopeError(Exception):
    """Something expected went wrong: a setting, a file, a model. The message says what was found and what to do.

    The runner shows such an error as one sentence; the traceback goes to the log.
    """
