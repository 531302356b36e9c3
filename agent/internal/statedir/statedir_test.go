package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

var (
	root    = account{id: 0, name: "root", root: true}
	service = account{id: 998, name: "rollcall"}
	person  = account{id: 1000, name: "ada"}
)

// owners answers for a path, or for the nearest folder above it.
func owners(of map[string]account) func(string) (account, bool) {
	return func(path string) (account, bool) {
		for ; ; path = filepath.Dir(path) {
			if a, ok := of[path]; ok {
				return a, true
			}
			if path == filepath.Dir(path) {
				return account{}, false
			}
		}
	}
}

func TestExplain(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has other causes and no owners")
	}
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	lock, absent := filepath.Join(state, "lock"), filepath.Join(dir, "new", "state")
	if err := errors.Join(os.Mkdir(state, 0o700), os.WriteFile(lock, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	denied := func(path string) error { return &fs.PathError{Op: "open", Path: path, Err: syscall.EACCES} }
	for name, c := range map[string]struct {
		me     account
		op     string
		path   string
		err    error
		owners map[string]account
		want   []string
	}{
		"no folder, and none can be made": {
			service, makeFolder, absent, denied(absent),
			map[string]account{dir: root},
			[]string{"make the state folder " + absent + " as user rollcall: permission denied", "install -d -m 700 -o rollcall " + absent},
		},
		"a folder of the service, and a person asks": {
			person, "lock the state folder with", lock, denied(lock),
			map[string]account{state: service, lock: service},
			[]string{lock + " as user ada: permission denied", "run the command as rollcall", "sudo -u rollcall rollcall ..."},
		},
		"a file that root left behind": {
			service, "open the state's file", lock, denied(lock),
			map[string]account{state: service, lock: root},
			[]string{"as user rollcall", "since it belongs to root: chown rollcall " + lock},
		},
		"a folder of root": {
			service, "make files in the state folder", state, syscall.EACCES,
			map[string]account{state: root, dir: root},
			[]string{state + " as user rollcall", "chown -R rollcall " + state},
		},
		"a file of one's own": {
			service, "open the state's file", lock, denied(lock),
			map[string]account{state: service},
			[]string{"chmod u+rwX " + lock},
		},
		"a full disk":      {service, "write the state's file", lock, syscall.ENOSPC, nil, []string{lock, "no space left", "df -h " + state}},
		"a quota":          {service, "write the state's file", lock, syscall.EDQUOT, nil, []string{"df -h " + state}},
		"a read-only disk": {service, makeFolder, absent, &fs.PathError{Path: absent, Err: syscall.EROFS}, nil, []string{absent, "make that disk writable", "StateDirectory="}},
		"a file in its place": {
			service, makeFolder, lock + "/state", &fs.PathError{Path: lock + "/state", Err: syscall.ENOTDIR}, nil,
			[]string{"not a directory", "move away the file " + lock + ","},
		},
		"a folder in a file's place": {service, "lock the state folder with", state, syscall.EISDIR, nil, []string{state, "move away the folder"}},
		"locked by another program":  {service, "write the state's file", lock, ErrBusy, nil, []string{"locked by another program", "fuser -v " + lock}},
		"anything else":              {service, makeFolder, absent, errors.New("cosmic rays"), nil, []string{absent, "cosmic rays", "next: ", "state_dir"}},
	} {
		err := c.me.explain(c.op, c.path, c.err, owners(c.owners))
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\nlacks %q", name, err, want)
			}
		}
		if again := c.me.explain("open the state", "/elsewhere", fmt.Errorf("open: %w", err), nil); strings.Count(again.Error(), "next:") != 1 {
			t.Errorf("%s: explained twice: %v", name, again)
		}
		var at *fs.PathError
		if cause := c.err; !errors.As(c.err, &at) && !errors.Is(err, cause) {
			t.Errorf("%s: the cause is lost: %v", name, err)
		}
	}
}

func TestRootStaysOutOfAnotherUsersFolder(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		me, owner account
		refused   bool
	}{
		"its own":            {root, root, false},
		"the service's":      {root, service, true},
		"the service itself": {service, service, false},
		"a person":           {person, service, false}, // the system keeps them out
	} {
		err := c.me.mayMakeFilesIn(dir, owners(map[string]account{dir: c.owner}))
		if (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && !strings.Contains(err.Error(), "use the state folder "+dir+" as user root: it belongs to rollcall") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMakeAndLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := Make(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("making the folder left %v, %v", left, err)
	}
	lock, err := Lock(dir)
	if err != nil || lock == nil {
		t.Fatal(err)
	}
	if again, err := Lock(dir); again != nil || err != nil {
		t.Errorf("locked twice: %v", err)
	}
	if who := Holder(dir); runtime.GOOS != "windows" && !strings.Contains(who, fmt.Sprintf("process %d (", os.Getpid())) {
		t.Errorf("held by %q", who)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if lock, err = Lock(dir); err != nil || lock == nil {
		t.Errorf("after the unlock: %v", err)
	}
	_ = lock.Unlock()
	if err := errors.Join(os.Remove(filepath.Join(dir, lockName)), os.Mkdir(filepath.Join(dir, lockName), 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); err == nil || !strings.Contains(err.Error(), "next: ") {
		t.Errorf("a folder in the lock's place: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Make(file); err == nil || !strings.Contains(err.Error(), "make the state folder "+file) || !strings.Contains(err.Error(), "move away the file") {
		t.Errorf("a file in the folder's place: %v", err)
	}
}

func TestHolderIsToldByItsCommand(t *testing.T) {
	for want, args := range map[string][]string{
		"rollcall":        {"/usr/bin/rollcall"},
		"rollcall run":    {"/usr/bin/rollcall", "--config", "/etc/a.toml", "run", "--once"},
		"rollcall secret": {"rollcall", "--output=json", "secret", "set", "token"},
	} {
		if got := strings.Join(commandLine(args), " "); want != got {
			t.Errorf("%v: %q", args, got)
		}
	}
}
