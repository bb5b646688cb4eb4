"""A ``KeyboardInterrupt`` at a chosen event of a piece of code, by the interpreter's tracing."""

import contextlib
import sys
from unittest import mock

EVENTS = ("call", "line", "exception", "opcode")
"""Events at which Python may raise; at its event "return" nothing but tracing itself does."""


def interrupt_at(number, work, is_traced, events=EVENTS):
    """Call ``work`` with a ``KeyboardInterrupt`` at one of its events.

    It does not come from a signal, so no handler of signals can defer it.

    Parameters
    ----------
    number : int
        The event is that of this number, from 1; 0 lets all of them pass.
    work : function
    is_traced : function
        From the name of a file to True if the events of its code count.
    events : collection of str
        The kinds of events that count.

    Returns
    -------
    count : int
        The number of events until then.
    place : str or None
        File, line and event of the interrupt; None if there were fewer events.
    """
    count, place = 0, None

    def trace(frame, event, argument):
        nonlocal count, place
        if not is_traced(frame.f_code.co_filename):
            return None
        frame.f_trace_opcodes = "opcode" in events
        if event in events:
            count += 1
            if count == number:
                sys.settrace(None)
                place = f"{frame.f_code.co_filename}:{frame.f_lineno}, {event}"
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    # In a generator that is being closed, Python reports the interrupt and goes on.
    with mock.patch.object(sys, "unraisablehook"), contextlib.suppress(KeyboardInterrupt):
        sys.settrace(trace)
        try:
            work()
        finally:
            sys.settrace(before)
    return count, place
