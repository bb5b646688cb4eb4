"""Optimizers by name."""

from collections.abc import Mapping
from typing import Any

from neural_networks import schedulers
from neural_networks.optimizers.adaptive import AdaDelta, AdaGrad, Adam, AdamW, RMSProp
from neural_networks.optimizers.base import Optimizer
from neural_networks.optimizers.sgd import SGD
from neural_networks.utils.factories import (
    build,
    call,
    check_keys,
    lookup,
    option_names,
    options_in,
    without_none,
)
from neural_networks.utils.recorded import check_free

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "SGD": SGD,
    "RMSProp": RMSProp,
    "Adam": Adam,
    "AdamW": AdamW,
    "AdaGrad": AdaGrad,
    "AdaDelta": AdaDelta,
}


def initialize_optimizer(
    name: str,
    lr: float,
    lr_scheduler: str | None = None,
    momentum: float | None = None,
    clip_norm: float | None = None,
    lr_decay: float | None = None,
    staircase: bool | None = None,
    stage_length: float | None = None,
    **options: Any,
) -> Optimizer:
    """Create an optimizer by its name, one of ``OPTIMIZERS``.

    Parameters
    ----------
    name : str
        The optimizer.
    lr, lr_scheduler, momentum, clip_norm, lr_decay, staircase, stage_length
        See the optimizer's class; None means the class's default.
    **options
        Further arguments of the class, such as ``weight_decay``, ``clip_global_norm``,
        ``scheduler_args``, ``nesterov`` of SGD or ``beta1`` of Adam.

    Raises
    ------
    ValueError
        If a name is unknown, a number is out of range or the optimizer has no such option.

    Examples
    --------
    >>> import numpy as np
    >>> optimizer = initialize_optimizer("Adam", lr=0.001)
    >>> optimizer.update("W", np.zeros(2), np.array([4.0, -0.5]), epoch=0).round(6)
    array([ 0.001, -0.001])
    """
    shared = {
        "lr": lr,
        "lr_scheduler": lr_scheduler,
        "momentum": momentum,
        "clip_norm": clip_norm,
        "lr_decay": lr_decay,
        "staircase": staircase,
        "stage_length": stage_length,
    }
    given = {**options, **without_none(shared)}
    known = option_names(lookup("optimizer", name, OPTIMIZERS))
    check_keys(f"optimizer {name!r}", given, known)
    return build("optimizer", OPTIMIZERS, name, without_none(given))


def make_optimizer(optimizer_args: Mapping[str, Any] | Optimizer) -> Optimizer:
    """Create the optimizer of a network.

    Parameters
    ----------
    optimizer_args : mapping or Optimizer
        Arguments of ``initialize_optimizer``, or the optimizer itself.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong; if the optimizer itself has made steps or has another network: its
        state belongs to the parameters there.
    """
    if isinstance(optimizer_args, Optimizer):
        check_free("the optimizer", optimizer_args)
        if optimizer_args.has_steps():
            raise ValueError("the optimizer has made steps: make another one, or reset() it")
        return optimizer_args
    if not isinstance(optimizer_args, Mapping):
        raise TypeError(f"optimizer_args must be a mapping or an Optimizer, got {optimizer_args!r}")
    return call("optimizer", initialize_optimizer, optimizer_args)


def with_epochs(optimizer_args: Mapping[str, Any], epochs: int) -> dict[str, Any]:
    """Arguments of ``initialize_optimizer``, completed for a training of ``epochs`` epochs.

    A schedule that depends on their number gets it, unless ``scheduler_args`` has another one.
    """
    args = dict(optimizer_args)
    options = options_in("scheduler_args", args.get("scheduler_args"))
    if "epochs" in schedulers.scheduler_options(args.get("lr_scheduler"), options):
        args["scheduler_args"] = {"epochs": epochs, **options}
    return args
