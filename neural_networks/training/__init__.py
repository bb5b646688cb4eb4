"""Training: the loop, evaluation, history, early stopping and forecasts."""
