"""The run folder of a training: configuration, log, parameters and pictures."""

from neural_networks.logs.logger import DEFAULT_FOLDER, Logger
from neural_networks.logs.run_folder import RUN_FILES, check_file_name, read_run

__all__ = ["DEFAULT_FOLDER", "RUN_FILES", "Logger", "check_file_name", "read_run"]
