"""The autograder: what hand-ins are judged by, beyond the tests that students have."""
