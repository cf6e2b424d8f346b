"""Downloads of images and archives from the service's other hosts, into files, streams and folders."""
