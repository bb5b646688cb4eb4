"""Reading and tracing for the OCR program, ``neuralnet.py``."""
