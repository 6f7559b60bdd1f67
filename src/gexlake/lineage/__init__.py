"""What was read, when, from which bytes, with which outcome; and the records that were refused."""
