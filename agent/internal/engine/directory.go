package engine

import (
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
)

// Directory is the connection of one run to one domain controller. The mirror
// reads through it, and all writes go through it.
type Directory interface {
	mirror.Directory
	write.Directory
	// Close ends the connection. No other method may be called afterwards.
	Close() error
}

var _ Directory = (*conn.Client)(nil)
