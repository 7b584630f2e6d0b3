"""Whether what the cameras show today is still what the model was trained on."""
