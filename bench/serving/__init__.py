"""The service under load, beside other ways to serve the same lake."""
