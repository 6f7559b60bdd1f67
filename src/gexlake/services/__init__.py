"""What the program does, once, for command line, HTTP and Python alike."""
