//go:build !windows

package control

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/agent/internal/statedir"
)

func socketPath(stateDir string) string { return filepath.Join(stateDir, "rollcall.sock") }

// listen first removes a socket that a killed agent left behind. The caller
// holds the lock of the state folder, so nobody else listens on it.
func listen(ctx context.Context, stateDir string) (net.Listener, error) {
	path := socketPath(stateDir)
	if err := statedir.CheckSocket(path); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, statedir.Explain("remove the socket of a former agent,", path, err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, statedir.Explain("open the socket", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("protect socket: %w", err)
	}
	return l, nil
}

func dial(ctx context.Context, stateDir string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", socketPath(stateDir))
}

// Self returns the caller for calls inside this process.
func Self() service.Caller { return named(os.Getuid()) }

func named(uid int) service.Caller {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return service.Caller(u.Username)
	}
	return service.Caller(fmt.Sprintf("uid %d", uid))
}
