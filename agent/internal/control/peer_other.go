//go:build !linux && !windows

package control

import "net"

// peer is the owner of the socket: nobody else can open it.
func peer(net.Conn) Caller { return Self() }
