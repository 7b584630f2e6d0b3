"""Whether a candidate takes the champion's place: both run on the same images, then the rules."""
