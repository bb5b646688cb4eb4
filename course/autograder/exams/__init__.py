"""Exams: the cases, public and hidden, with what must come out, and the listed mistakes."""
