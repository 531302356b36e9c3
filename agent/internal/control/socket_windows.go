package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/Microsoft/go-winio"

	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

// onlyAdministrators admits LocalSystem and the built-in Administrators (SDDL,
// MS-DTYP section 2.5.1).
const onlyAdministrators = "D:P(A;;GA;;;SY)(A;;GA;;;BA)"

// pipeName returns a different name for each state folder.
func pipeName(stateDir string) string {
	abs, err := filepath.Abs(stateDir)
	if err != nil {
		abs = stateDir
	}
	sum := sha256.Sum256([]byte(strings.ToLower(abs)))
	return `\\.\pipe\rollcall-` + hex.EncodeToString(sum[:8])
}

func listen(_ context.Context, stateDir string) (net.Listener, error) {
	return winio.ListenPipe(pipeName(stateDir), &winio.PipeConfig{SecurityDescriptor: onlyAdministrators})
}

func dial(ctx context.Context, stateDir string) (net.Conn, error) {
	return winio.DialPipeContext(ctx, pipeName(stateDir))
}

// peer returns the same caller for everybody: the security descriptor of the pipe
// admits only administrators, and the connection does not say which of them.
func peer(net.Conn) service.Caller { return "administrator" }

// Self returns the caller for calls inside this process.
func Self() service.Caller {
	if u, err := user.Current(); err == nil {
		return service.Caller(u.Username)
	}
	return "unknown"
}
