"""The run folder of a training: configuration, log, parameters and pictures."""

from neural_networks.logs.logger import Logger

__all__ = ["Logger"]
