"""How the speed of this project is measured: side by side, in turn, in one run."""
