"""The run folder of a training: configuration, log, parameters and pictures."""

from neural_networks.logs.data_description import DataDescription, read_data_description
from neural_networks.logs.logger import DEFAULT_FOLDER, Logger
from neural_networks.logs.pictures import draw_pictures
from neural_networks.logs.record import RunRecord, read_record
from neural_networks.logs.run_folder import (
    RUN_FILES,
    check_file_name,
    check_format,
    read_config,
)

__all__ = [
    "DEFAULT_FOLDER",
    "RUN_FILES",
    "DataDescription",
    "Logger",
    "RunRecord",
    "check_file_name",
    "check_format",
    "draw_pictures",
    "read_config",
    "read_data_description",
    "read_record",
]
