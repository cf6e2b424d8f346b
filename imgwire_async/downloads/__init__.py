"""What is fetched from the service's other hosts: images and archives, into files, streams and folders."""
