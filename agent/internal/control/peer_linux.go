package control

import (
	"net"

	"golang.org/x/sys/unix"
)

// peer asks the kernel who is at the other end of the socket.
func peer(c net.Conn) Caller {
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return "unknown"
	}
	who := Caller("unknown")
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			who = named(int(cred.Uid))
		}
	})
	return who
}
