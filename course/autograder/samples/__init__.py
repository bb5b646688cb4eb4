"""Sample hand-ins, made from the listed mistakes."""
