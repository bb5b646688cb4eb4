"""Errors in the code of a layer, a loss or an optimizer: where they happened.

A wrong argument or file is told in one line. A mistake in code, such as a forgotten transpose, is
not: its line number says more than its message.
"""

import dis
import traceback
from pathlib import Path
from types import FrameType, TracebackType
from typing import NamedTuple

from neural_networks.activations import Activation
from neural_networks.layers import Layer
from neural_networks.losses import Loss
from neural_networks.optimizers import Optimizer
from neural_networks.schedulers import Scheduler

PARTS: dict[type, str] = {
    Layer: "layer",
    Loss: "loss",
    Activation: "activation",
    Optimizer: "optimizer",
    Scheduler: "schedule",
}
"""The parts of a network, and their names."""

PACKAGE = Path(__file__).parents[1]

N_FRAMES = 3
"""Greatest number of frames in a message."""


class Call(NamedTuple):
    """A frame of a traceback, and the object whose method runs in it."""

    frame: FrameType
    owner: object


def code_error(error: BaseException) -> str | None:
    """The place of an error in the code of a part of a network, with its last frames.

    Parameters
    ----------
    error : exception

    Returns
    -------
    str or None
        Several lines: the part, with the layer's number; the error; file and line of its last
        frames. None for an error of another origin, and for those that a check of this library
        raises: they are about arguments.
    """
    calls, last = calls_of(error)
    first = next((i for i, call in enumerate(calls) if is_part(call)), None)
    if first is None:
        inner = error.__cause__ or error.__context__
        return None if inner is None else code_error(inner)
    where = place(calls)
    if is_check(last):
        # While parameters are created, the message has the number already.
        is_told = not where.startswith("layer") or str(error).startswith("layer")
        return None if is_told else f"error: {where}: {error}"
    frames = traceback.extract_tb(error.__traceback__)[first:][-N_FRAMES:]
    head = f"error in {where}: {type(error).__name__}: {error}"
    return f"{head}\n{''.join(traceback.format_list(frames))}".rstrip()


def calls_of(error: BaseException) -> tuple[list[Call], TracebackType | None]:
    """The calls that an error has gone through, outermost first, and the last traceback entry."""
    calls, last = [], None
    trace = error.__traceback__
    while trace is not None:
        names = trace.tb_frame.f_code.co_varnames[:1]  # self, whatever it is called
        owner = trace.tb_frame.f_locals.get("".join(names))
        calls.append(Call(trace.tb_frame, owner))
        last, trace = trace, trace.tb_next
    return calls, last


def is_part(call: Call) -> bool:
    """True for a method of a part of a network, but for the constructors of this library."""
    code, owner = call.frame.f_code, call.owner
    is_constructor = code.co_name == "__init__" and in_package(call.frame)
    if not isinstance(owner, tuple(PARTS)) or is_constructor:
        return False
    # Another function may have a part as its first argument, and a method may be assigned.
    members = [vars(owner), *map(vars, type(owner).__mro__)]
    codes = [getattr(f, "__code__", None) for names in members for f in names.values()]
    return code.co_varnames[0] == "self" or code in codes


def in_package(frame: FrameType) -> bool:
    """True if the code of a frame belongs to this library."""
    return Path(frame.f_code.co_filename).is_relative_to(PACKAGE)


def is_check(last: TracebackType | None) -> bool:
    """True if an error comes from a ``raise`` in this library: the last entry of its traceback."""
    if last is None or not in_package(last.tb_frame):
        return False
    return last.tb_frame.f_code.co_code[last.tb_lasti] == dis.opmap["RAISE_VARARGS"]


def place(calls: list[Call]) -> str:
    """The parts of the network that an error has gone through: a layer, and a layer inside it."""
    words: list[str] = []
    above: object = None
    for i, call in enumerate(calls):
        if call.owner is above or not is_part(call):
            continue
        above = call.owner
        kind, name = next(word for part, word in PARTS.items() if isinstance(above, part)), ""
        if isinstance(above, Layer):
            numbers = (number_of(above, caller.frame) for caller in reversed(calls[:i]))
            name = f"{next(filter(None, numbers), '?')}, "
        words.append(f"{kind} {name}{type(above).__name__}")
    return ": ".join(words)


def number_of(layer: Layer, caller: FrameType) -> int | None:
    """The number of a layer, or of the one that it is a copy of, among the layers of a caller."""
    known = caller.f_locals
    layers = known.get("layers", getattr(known.get("self"), "layers", None))
    for n, other in enumerate(layers if isinstance(layers, list | tuple) else [], start=1):
        if isinstance(other, Layer) and other.parameters is layer.parameters:
            return n
    number = known.get("number")
    return number if isinstance(number, int) else None
