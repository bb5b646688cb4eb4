"""Hand-ins that try to get points they have not earned, or to harm the grader.

Each is the starter with ReLU done and one attack, written by someone who has read the grader's
source. The numbers are those of the table in ``docs/grader.md``.
"""
