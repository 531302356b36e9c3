//go:build !linux && !windows

package control

import (
	"net"

	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// peer is the owner of the socket: nobody else can open it.
func peer(net.Conn) service.Caller { return Self() }
