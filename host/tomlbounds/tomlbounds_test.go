package tomlbounds

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// small are limits that a few letters exceed.
var small = Limits{Bytes: 200, Items: 6, Depth: 4, Name: 5, Path: 12}

func TestBounds(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "",
		"a.b.c.d = 1":                         "",
		"a.b.c.d.e = 1":                       "5 names and brackets deep",
		"a . 'b' . \"c\" . d . e = 1":         "5 names and brackets deep",
		"[a.b.c.d]":                           "",
		"[a.b.c]\nd.e = 1":                    "5 names and brackets deep",
		"[[a.b.c.d]]":                         "5 names and brackets deep",
		"a = [[[1]]]":                         "",
		"a = [[[[1]]]]":                       "5 names and brackets deep",
		"a = {b = {c = 1}}":                   "5 names and brackets deep",
		"a = [{b = 1}]":                       "",
		"a = [{b = {c = 1}}]":                 "5 names and brackets deep",
		"abcdef = 1":                          "a name of 6 bytes",
		"'abcd' = 1":                          "a name of 6 bytes",
		"[abcde.abcde]\na = 1":                "names of together 14 bytes",
		"[abcde.abcde]\n[a]\na = 1":           "",
		"a = [1, 2, 3, 4, 5]":                 "",
		"a = [1, 2, 3, 4, 5, 6]":              "7 keys, tables and values",
		"a=1\nb=1\nc=1\nd=1\ne=1\nf=1":        "",
		"[a]\nb=1\n[c]\nd=1\n[e]\nf=1\n\ng=1": "line 8: 7 keys, tables and values",
		strings.Repeat("#", 201):              "201 bytes, more than 200",

		// What only looks like keys and brackets.
		"a = \"a.b.c.d.e = [[[[[\"":               "",
		"a = 'a.b.c.d.e = [[[[[' # a.b.c.d.e = [": "",
		"a = \"\"\"\n[a.b.c.d.e]\n\"\"\"":         "",
		"a = '''\n[a.b.c.d.e]\n'''":               "",
		"a = \"\"\"x\"\"\"\"\"\nb.c.d.e.f = 1":    "5 names and brackets deep",
		"a = '''x'''''\nb.c.d.e.f = 1":            "5 names and brackets deep",
		"a = \"\\\"\"\nb.c.d.e.f = 1":             "5 names and brackets deep",
		"a = '\\'\nb.c.d.e.f = 1":                 "5 names and brackets deep",
		"a = \"\"\"\\\"\"\"\"\nb.c.d.e.f = 1":     "5 names and brackets deep",
		"a = \"\"\nb.c.d.e.f = 1":                 "5 names and brackets deep",
		"# x\r\nb.c.d.e.f = 1":                    "5 names and brackets deep",
		"a = [ # ]\n1 ]\nb.c.d.e.f = 1":           "5 names and brackets deep",
		"a = 1979-05-27 07:32:00\nb.c.d.e.f = 1":  "5 names and brackets deep",
	} {
		err := Check([]byte(text), small)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		var tree map[string]any
		if _, err := toml.Decode(text, &tree); err != nil {
			t.Errorf("%q: the example itself: %v", text, err)
		}
	}
}

// killers are texts that kept the parser busy for minutes, or would have
// crashed it.
func killers() map[string]string {
	keys := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "a%d=1\n", i)
		}
		return b.String()
	}
	const n = 100_000
	return map[string]string{
		"parts of a key":             strings.Repeat("a.", n) + "a=1\n",
		"parts of a header":          "[" + strings.Repeat("a.", n) + "a]\n",
		"parts of a header, array":   "[[" + strings.Repeat("a.", n) + "a]]\n",
		"nested inline tables":       "a=" + strings.Repeat("{a=", n) + "1" + strings.Repeat("}", n),
		"nested arrays":              "a=" + strings.Repeat("[", n) + strings.Repeat("]", n),
		"nested arrays, not closed":  "a=" + strings.Repeat("[", 1<<19),
		"keys below a long name":     "[" + strings.Repeat("k", 1<<19) + "]\n" + keys(n/2),
		"keys below many long names": "[" + strings.Repeat(strings.Repeat("k", 250)+".", 15) + "k]\n" + keys(n),
		"keys":                       keys(n),
		"tables":                     strings.Repeat("[[a]]\n", n),
		"values":                     "a=[" + strings.Repeat("{},", n) + "]",
	}
}

func TestWhatTakesTheParserLongIsRefused(t *testing.T) {
	for name, text := range killers() {
		var limit *LimitError
		if err := Check([]byte(text), Manifest); !errors.As(err, &limit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOwnFilesAreFarBelowTheLimits(t *testing.T) {
	third := Limits{Bytes: Manifest.Bytes / 10, Items: Manifest.Items / 10, Depth: Manifest.Depth / 2, Name: Manifest.Name / 4, Path: Manifest.Path / 8}
	files, err := filepath.Glob("../../plugins/*/manifest.toml")
	configs, _ := filepath.Glob("../../configs/*.toml")
	if err != nil || len(files) < 2 || len(configs) < 1 {
		t.Fatal(files, configs, err)
	}
	for _, name := range append(files, configs...) {
		text, err := os.ReadFile(name)
		if err == nil {
			err = Check(text, third)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzCheck compares the scanner with the parser. In a text that the scanner
// accepts, the parser must find nothing deeper, longer or more; and the scanner
// must understand every text that the parser accepts.
func FuzzCheck(f *testing.F) {
	for _, text := range []string{
		"a = 1\n[b.c]\nd = 'x' # y\n[[e]]\nf = [1, {g = \"\"\"\n\"\"\"\"\"}]\n", "a.'b'.\"c\\\"\" = 1979-05-27 07:32:00Z", "a = {\n b = 1, # c\n}\r\n",
		"\xef\xbb\xbfa = [ # ]\n]", "a = '''x''''' \nb = \"\"\"\\\"\"\"\"\n", "[ a . b ]\n \"\" = 0x_f", "a = \"\\\"\n", "a = \"\"\"\"\"\"\"\n", "[a]]\n[[b] ]\n", "a=1 b=2", "a = inf,", "a={b=1 c=2}", "a=[1 2]",
	} {
		f.Add([]byte(text))
	}
	within := Limits{Bytes: 2000, Items: 50, Depth: 6, Name: 40, Path: 100}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > within.Bytes {
			return
		}
		err := Check(text, within)
		var tree map[string]any
		meta, parseErr := toml.Decode(string(text), &tree)
		var syntax *SyntaxError
		if errors.As(err, &syntax) && parseErr == nil {
			t.Fatalf("%q: the parser takes it: %v", text, err)
		}
		if err != nil || parseErr != nil {
			return
		}
		if n := len(meta.Keys()); n > within.Items {
			t.Errorf("%q: %d keys", text, n)
		}
		for _, k := range meta.Keys() {
			if len(k) > within.Depth || len(strings.Join(k, ".")) > within.Path {
				t.Errorf("%q: key %q", text, k)
			}
		}
	})
}
