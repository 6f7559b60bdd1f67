"""What lies in buckets of object stores, by `obstore` (`gexlake[s3]`), which is loaded only where a URL is given.

client   the store that answers a URL, and its faults in words
objects  list, look at and fetch objects
store    a place where a lake is published, in a bucket (`bucket_store`) or in a folder (`folder_store`)
"""
