"""The rooms put together: steps, pipelines, and the two places where they run."""
