package planfile

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// TestSavedPlanReplaces: a saved plan takes the place of nothing but an earlier
// plan, and is never readable for others.
func TestSavedPlanReplaces(t *testing.T) {
	const earlier, conf = `{"automation": "staff", "config": "x", "changes": []}`, "[agent]\nstate_dir = \"state\"\n"
	for name, c := range map[string]struct {
		there string // what is at the path; "" for nothing
		kind  string // file, link, dangling, folder
		err   string // "" when the plan is saved
	}{
		"nothing there":         {},
		"an earlier plan":       {there: earlier, kind: "file"},
		"an empty file":         {kind: "file"},
		"a configuration":       {there: conf, kind: "file", err: "exists and is not a saved plan"},
		"other JSON":            {there: `{"automation": "staff"}`, kind: "file", err: "exists and is not a saved plan"},
		"half a plan":           {there: earlier[:30], kind: "file", err: "exists and is not a saved plan"},
		"a folder":              {kind: "folder", err: "is not a file"},
		"a link to a plan":      {there: earlier, kind: "link", err: "symbolic link"},
		"a link to nothing":     {kind: "dangling", err: "symbolic link"},
		"a folder that is none": {kind: "nowhere", err: string(filepath.Separator) + "none: "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, target := filepath.Join(dir, "plan.json"), filepath.Join(dir, "target")
			switch c.kind {
			case "file":
				must(t, os.WriteFile(path, []byte(c.there), 0o644))
			case "folder":
				must(t, os.Mkdir(path, 0o755))
			case "link":
				must(t, os.WriteFile(target, []byte(c.there), 0o644))
				must(t, os.Symlink(target, path))
			case "dangling":
				must(t, os.Symlink(target, path))
			case "nowhere":
				path = filepath.Join(dir, "none", "plan.json")
			}
			f, err := New(path)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("the error is %v, want %q", err, c.err)
				}
				if (c.kind == "file" || c.kind == "link") && read(t, path) != c.there {
					t.Error("what was there has changed")
				}
				return
			}
			must(t, err)
			defer f.Discard()
			if c.there != "" && read(t, path) != c.there {
				t.Error("the earlier plan is gone before there is another one")
			}
			must(t, f.Save(ident.Plan{Automation: "staff", Config: "y"}))
			f.Discard()
			if p, err := Load(path); err != nil || p.Config != "y" {
				t.Errorf("the plan reads as %q: %v", p.Config, err)
			}
			only(t, dir, "plan.json")
			if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
				t.Errorf("the file's mode is %v: %v", info.Mode(), err)
			}
		})
	}
}

// TestSavedPlanMeanwhile: what somebody puts there while the plan is made stays,
// and a plan that is not made leaves nothing behind.
func TestSavedPlanMeanwhile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "plan.json")
	// Names that an older rollcall wrote to, prepared by somebody else.
	must(t, os.WriteFile(filepath.Join(dir, "victim"), []byte("precious"), 0o644))
	must(t, os.Symlink(filepath.Join(dir, "victim"), path+".part"))
	f, err := New(path)
	must(t, err)
	must(t, os.WriteFile(path, []byte("notes"), 0o644))
	if err := f.Save(ident.Plan{Automation: "staff", Config: "y"}); err == nil {
		t.Error("it took the place of a file that is no plan")
	}
	f.Discard()
	if read(t, path) != "notes" || read(t, filepath.Join(dir, "victim")) != "precious" {
		t.Error("a file of somebody else has changed")
	}
	only(t, dir, "plan.json", "plan.json.part", "victim")
}

// TestLoadSaysWhatIsWrong: a file that is no plan is told in words of the file,
// never by the name of a type of ours.
func TestLoadSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plan.json")
	for body, want := range map[string]string{
		`[]`:                              "it must be an object, not an array (byte 2)",
		`"staff"`:                         "it must be an object, not a string (byte 7)",
		`{"automation": 5}`:               "automation must be a string, not a number (byte 17)",
		`{"changes": 5}`:                  "changes must be an array, not a number (byte 14)",
		`{"changes": {}}`:                 "changes must be an array, not an object (byte 15)",
		`{"changes": [{"key": true}]}`:    "changes.key must be a string, not a boolean (byte 28)",
		`{"records": {"delivered": "7"}}`: "records.delivered must be a whole number, not a string (byte 31)",
		`{"records": {"delivered": 7.5}}`: "records.delivered must be a whole number, not 7.5 (byte 31)",
	} {
		must(t, os.WriteFile(file, []byte(body), 0o600))
		if _, err := Load(file); err == nil || err.Error() != file+" is not a saved plan: "+want {
			t.Errorf("%s:\n got %v\nwant %s is not a saved plan: %s", body, err, file, want)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// only wants these files in a folder, and no other.
func only(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var have []string
	for _, e := range entries {
		have = append(have, e.Name())
	}
	if strings.Join(have, " ") != strings.Join(names, " ") {
		t.Errorf("the folder holds %v, want %v", have, names)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	return string(text)
}
