package engine

import (
	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/mirror"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/write"
)

// Directory is the connection of one run, to one domain controller: what the
// mirror reads and what is written to.
type Directory interface {
	mirror.Directory
	write.Directory
	// Close ends the connection. Nothing else is called afterwards.
	Close() error
}

var _ Directory = (*conn.Client)(nil)
