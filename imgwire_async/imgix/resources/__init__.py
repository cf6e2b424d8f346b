"""The resources of `AsyncImgixClient`, one module each."""
