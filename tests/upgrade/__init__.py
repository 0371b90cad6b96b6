"""The way from the first release to this one."""
