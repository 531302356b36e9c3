package control

import (
	"net"

	"golang.org/x/sys/unix"

	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// peer asks the kernel which user is at the other end of the socket.
func peer(c net.Conn) service.Caller {
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return "unknown"
	}
	who := service.Caller("unknown")
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			who = named(int(cred.Uid))
		}
	})
	return who
}
