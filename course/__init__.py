"""The course's tools: assignments, and what is cut, checked and handed in."""
