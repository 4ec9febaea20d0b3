"""What is installed beside this interpreter, and how a child process is started."""
