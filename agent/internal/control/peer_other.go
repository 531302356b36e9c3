//go:build !linux && !windows

package control

import (
	"net"

	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// peer returns the owner of the socket: no other user can open it.
func peer(net.Conn) service.Caller { return Self() }
