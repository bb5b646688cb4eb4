"""The sandbox: workers that run a student's code as another user, and the talk with them."""
