"""What `AsyncImgixClient` offers, a module for each resource."""
