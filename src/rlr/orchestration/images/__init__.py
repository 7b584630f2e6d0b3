"""Images by what they hold, not by what somebody calls them: references become digests."""

from rlr.orchestration.images.pin import Images, choose_images, pin_images

__all__ = ["Images", "choose_images", "pin_images"]
