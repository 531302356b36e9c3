//go:build !windows

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// stranger is a user of the machine who is not the one of the tests, by number:
// nobody.
const stranger = 65534

// as runs a command as a user.
func (s *stateFolder) as(uid int, args ...string) answer {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), s.binary, append([]string{"--config", s.config()}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+s.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		s.Fatal(err)
	}
	return answer{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// TestStateFolderOfAnotherUser: whatever keeps a user from the state is told
// with the path, the user and the next step, and root does not lock the agent
// of another user out.
func TestStateFolderOfAnotherUser(t *testing.T) {
	s := newStateFolder(t)
	fails := func(what string, uid int, words ...string) {
		t.Helper()
		a := s.as(uid, "runs")
		for _, word := range append(words, "next: ") {
			if a.code != 1 || !strings.Contains(a.stderr, word) {
				t.Errorf("%s: exit %d, %s\nlacks %q", what, a.code, a.stderr, word)
			}
		}
	}
	fails("no folder", stranger, "make the state folder "+s.state, "permission denied", "install -d -m 700 -o ")

	s.must(errors.Join(os.Mkdir(s.state, 0o700), os.Chown(s.state, stranger, stranger)))
	fails("root before the first start", 0, "use the state folder "+s.state+" as user root", "sudo -u ")
	if left, err := os.ReadDir(s.state); err != nil || len(left) > 0 {
		t.Errorf("root left %v, %v", left, err)
	}
	if a := s.as(stranger, "runs"); a.code != 0 {
		t.Fatalf("its owner: %d %s", a.code, a.stderr)
	}
	fails("root afterwards", 0, "use the state folder "+s.state+" as user root", "sudo -u ")

	for _, name := range []string{"lock", "rollcall.db", "master.key"} { // as a former rollcall let root leave them
		path := filepath.Join(s.state, name)
		s.must(errors.Join(os.Chown(path, 0, 0), os.Chmod(path, 0o600)))
		fails(name+" of root", stranger, path+" as user", "permission denied", "belongs to root", "chown ")
		s.must(os.Chown(path, stranger, stranger))
	}
	s.must(os.Chmod(s.state, 0o500))
	fails("a folder that its owner cannot write", stranger, s.state+" as user", "chmod u+rwX "+s.state)
	s.must(errors.Join(os.Chmod(s.state, 0o700), os.Chown(s.state, 0, 0)))
	fails("a folder of root", stranger, s.state+" as user", "or give it to", "chown -R ")
}
