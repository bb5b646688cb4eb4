"""The training loop, evaluation, early stopping and forecasts."""
