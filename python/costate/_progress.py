"""What a fit shows while it is at work: one line that is redrawn, in terminals and notebooks."""

import sys

from costate import _core


class _Line:
    def __init__(self, out):
        self._out, self._width = out, 0

    def __call__(self, said):
        text = f"{said['model']}  epoch {said['epoch']}/{said['epochs']}  loss {said['loss']:.4g}"
        if said["validation_loss"] == said["validation_loss"]:
            text += f"  validation {said['validation_loss']:.4g}"
        is_last = said["epoch"] == said["epochs"] and not said["is_trial"]
        self._out.write("\r" + text.ljust(self._width) + ("\n" if is_last else ""))
        self._out.flush()
        self._width = 0 if is_last else len(text)


def listener(progress):
    """The callable of what a caller gave: True, or a callable."""
    if progress is True:
        return _Line(sys.stderr)
    if not callable(progress):
        raise _core.CallError(f"[fit] progress must be True or a callable; got {type(progress).__name__}.")
    return progress
