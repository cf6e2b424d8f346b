"""Images and what is stored of them, from their arrival to their processing."""
