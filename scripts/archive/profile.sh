# Read by every shell. The names without -f would ask the first process, which here is a script that waits for the shell.
alias poweroff='poweroff -f' reboot='reboot -f' halt='halt -f'
PS1='\w # '
