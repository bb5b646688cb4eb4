"""Classes: many hand-ins, several at a time, and the gradebook of all."""
