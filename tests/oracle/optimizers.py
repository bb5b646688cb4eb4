"""Oracle data of optimizers and schedules; part of ``tests/oracle/write_data.py``.

The gradients are multiples of 1/64 of three magnitudes. One entry is always 0, and in one step all
entries are.
"""

from collections.abc import Callable

import torch
from torch.optim import lr_scheduler

from tests.support.optimizer_cases import CASES, CHANGING, DECAY, LR, STEPS_PER_EPOCH

SEED = 20230220

Tensors = dict[str, torch.Tensor]
Schedule = Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]

OPTIMIZERS = {
    "SGD": torch.optim.SGD,
    "RMSProp": torch.optim.RMSprop,
    "Adam": torch.optim.Adam,
    "AdamW": torch.optim.AdamW,
    "AdaGrad": torch.optim.Adagrad,
    "AdaDelta": torch.optim.Adadelta,
}
OPTIONS = {"gamma": "alpha", "epsilon": "eps"}  # by PyTorch's names


def make_optimizer(case: str, parameter: torch.nn.Parameter) -> torch.optim.Optimizer:
    """PyTorch's optimizer, with its own defaults for options that the case does not set."""
    name, options = CASES[case]
    options = {OPTIONS.get(key, key): value for key, value in options.items()}
    if "beta1" in options:
        options["betas"] = (options.pop("beta1"), options.pop("beta2"))
    return OPTIMIZERS[name]([parameter], lr=LR[name], **options)


def path(case: str, start: torch.Tensor, gradients: torch.Tensor, decay: float) -> torch.Tensor:
    """The parameter after each gradient; the rate decays from step to step."""
    parameter = torch.nn.Parameter(start.clone())
    optimizer = make_optimizer(case, parameter)
    schedule = lr_scheduler.ExponentialLR(optimizer, gamma=decay)
    found = []
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
        schedule.step()
        found.append(parameter.detach().clone())
    return torch.stack(found)


def path_data(generator: torch.Generator) -> Tensors:
    """Fifty gradients and the parameter after each, at a constant and at a decaying rate."""
    normal = torch.randn(51, 2, 3, dtype=torch.float64, generator=generator)
    start = (64 * normal[0]).round() / 64
    gradients = (64 * normal[1:] * torch.tensor([1 / 16, 1.0, 64.0])).round() / 64
    gradients[:, 1, 2] = 0
    gradients[20] = 0
    data = {"start": start, "gradients": gradients}
    data |= {case: path(case, start, gradients, 1.0) for case in CASES}
    decay = DECAY ** (1 / STEPS_PER_EPOCH)
    return data | {f"{case}_changing": path(case, start, gradients, decay) for case in CHANGING}


def chained(*schedules: Schedule) -> Schedule:
    return lambda sgd: lr_scheduler.ChainedScheduler([make(sgd) for make in schedules])


def warm_up(sgd: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
    return lr_scheduler.LinearLR(sgd, start_factor=0.2, total_iters=4)


# Under each name, the schedule and the number of epochs recorded.
SCHEDULES: dict[str, tuple[Schedule, int]] = {
    "exponential": (lambda sgd: lr_scheduler.ExponentialLR(sgd, gamma=0.8), 12),
    "staircase": (lambda sgd: lr_scheduler.StepLR(sgd, step_size=3, gamma=0.5), 12),
    "step": (lambda sgd: lr_scheduler.StepLR(sgd, step_size=10), 31),
    "milestones": (lambda sgd: lr_scheduler.MultiStepLR(sgd, [2, 3, 7], gamma=0.5), 12),
    "cosine": (lambda sgd: lr_scheduler.CosineAnnealingLR(sgd, T_max=11), 12),
    "cosine_lr_min": (lambda sgd: lr_scheduler.CosineAnnealingLR(sgd, 11, eta_min=0.02), 12),
    "one_cycle": (lambda sgd: lr_scheduler.OneCycleLR(sgd, 0.1, total_steps=41), 41),
    "one_cycle_own": (
        lambda sgd: lr_scheduler.OneCycleLR(
            sgd, 0.1, total_steps=41, pct_start=0.45, div_factor=10, final_div_factor=50
        ),
        41,
    ),
    "warm_up": (warm_up, 8),
    "warm_up_cosine": (
        chained(warm_up, lambda sgd: lr_scheduler.CosineAnnealingLR(sgd, T_max=11)),
        12,
    ),
    "warm_up_step": (
        chained(warm_up, lambda sgd: lr_scheduler.StepLR(sgd, step_size=3, gamma=0.5)),
        12,
    ),
}


def sgd_to_schedule() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


def rates(make: Schedule, epochs: int) -> torch.Tensor:
    """The learning rates of the epochs."""
    sgd = sgd_to_schedule()
    schedule = make(sgd)
    found = [sgd.param_groups[0]["lr"]]
    for _ in range(epochs - 1):
        sgd.step()
        schedule.step()
        found.append(sgd.param_groups[0]["lr"])
    return torch.tensor(found, dtype=torch.float64)


def plateau_rates(losses: torch.Tensor) -> torch.Tensor:
    """The learning rate after each loss."""
    sgd = sgd_to_schedule()
    schedule = lr_scheduler.ReduceLROnPlateau(
        sgd, factor=0.5, patience=2, threshold=0.05, min_lr=0.004, eps=0.0
    )
    found = []
    for loss in losses:
        schedule.step(loss.item())
        found.append(sgd.param_groups[0]["lr"])
    return torch.tensor(found, dtype=torch.float64)


def scheduler_data(generator: torch.Generator) -> Tensors:
    """The rates of every schedule; losses that fall ever more slowly, and the rates after them."""
    noise = torch.rand(60, dtype=torch.float64, generator=generator)
    losses = (64 * (4 * torch.exp(-torch.arange(60) / 12) + noise)).round() / 64
    data = {name: rates(make, epochs) for name, (make, epochs) in SCHEDULES.items()}
    return data | {"losses": losses, "reduce_on_plateau": plateau_rates(losses)}


def optimizer_data() -> dict[str, Tensors]:
    """The files of optimizers and schedules, by name."""
    generator = torch.Generator().manual_seed(SEED)
    return {"optimizers": path_data(generator), "schedulers": scheduler_data(generator)}
