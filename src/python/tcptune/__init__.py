"""What tcptune has for Python programs. It needs the command `tcptune`, and imports nothing until it is asked for."""
