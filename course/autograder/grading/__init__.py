"""Grading: tests judged, explained and reported."""
