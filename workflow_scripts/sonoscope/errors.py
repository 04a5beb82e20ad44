"""The base of the errors that a user can act on, and how an error is said in one sentence."""

import errno

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM)


class SonoscopeError(Exception):
    """Something expected went wrong: a setting, a file, a model. The message says what was found and what to do.

    The runner shows such an error as one sentence; the traceback goes to the log.
    """


def sentence(error: BaseException) -> str:
    """Say an error in one line; where it is not one that a user can act on, its class stands in front."""
    if isinstance(error, SonoscopeError):
        return str(error)
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"no such file: {error.filename}"
    number = getattr(error, "errno", None)
    if isinstance(error, OSError) and number in (*_FULL, *_REFUSED):
        what = f" {error.filename}" if error.filename else ""
        if number in _FULL:
            return f"the disk is full: could not write{what}; make room and call again, finished work is kept"
        return f"could not write{what}: {error.strerror}; SONOSCOPE_STORAGE names another folder for results"
    return f"{type(error).__name__}: {error}"
