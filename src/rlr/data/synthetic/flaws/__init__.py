"""What goes wrong: every defect changes the surface, and the light and the camera do the rest."""
