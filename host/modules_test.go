package host_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"github.com/rollcall-agent/rollcall/host"
	"github.com/rollcall-agent/rollcall/host/internal/wasmfile"
	"github.com/rollcall-agent/rollcall/host/soak"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// sec writes one section of a module.
func sec(id byte, content ...byte) []byte {
	return append([]byte{id, byte(len(content))}, content...)
}

// text writes a name.
func text(s string) []byte { return append([]byte{byte(len(s))}, s...) }

func join(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

var magic = []byte("\x00asm\x01\x00\x00\x00")

// tiny is a module of one type (-> i32), imports, and one function that is
// exported and has the given code.
func tiny(export string, imports [][]byte, code ...byte) []byte {
	b := join(magic, sec(1, 3, 0x60, 0, 1, 0x7F, 0x60, 1, 0x7F, 1, 0x7F, 0x60, 0, 0))
	functions := 0
	for _, i := range imports {
		module := int(i[0])
		if name := int(i[module+1]); i[module+name+2] == wasmfile.KindFunction {
			functions++
		}
	}
	if len(imports) > 0 {
		b = join(b, sec(2, join([]byte{byte(len(imports))}, join(imports...))...))
	}
	b = join(b, sec(3, 1, 0))
	b = join(b, sec(7, join([]byte{1}, text(export), []byte{0, byte(functions)})...))
	body := join([]byte{0}, code, []byte{0x0B})
	return join(b, sec(10, join([]byte{1, byte(len(body))}, body)...))
}

func with(module []byte, manifest string) []byte {
	return wasmfile.Append(module, abi.ManifestSection, []byte(manifest))
}

var returnZero = []byte{0x41, 0}

func imp(module, name string, kind, typ byte) []byte {
	return join(text(module), text(name), []byte{kind, typ})
}

func TestModulesThatAreRefused(t *testing.T) {
	good := with(tiny("rollcall_fetch", nil, returnZero...), manifest)
	cases := map[string]struct {
		wasm []byte
		want string
	}{
		"foreign":          {tiny("rollcall_fetch", nil, returnZero...), "not a connector: it has no section rollcall.manifest"},
		"text":             {[]byte("#!/bin/sh\n"), "not a WebAssembly module"},
		"empty":            {nil, "not a WebAssembly module"},
		"truncated":        {good[:len(good)-10], "ends before what it announces"},
		"component":        {[]byte("\x00asm\x0d\x00\x01\x00"), "not a WebAssembly module"},
		"two manifests":    {with(good, manifest), "is there twice"},
		"other abi":        {with(tiny("rollcall_fetch", nil, returnZero...), strings.Replace(manifest, "rollcall_v1", "rollcall_v9", 1)), `abi "rollcall_v9" is not known`},
		"unknown key":      {with(tiny("rollcall_fetch", nil, returnZero...), "colour = 1\n"+manifest), "unknown keys: colour"},
		"not TOML":         {with(tiny("rollcall_fetch", nil, returnZero...), "name = "), "line 1"},
		"bad version":      {with(tiny("rollcall_fetch", nil, returnZero...), strings.Replace(manifest, "1.2.3", "1.2", 1)), "MAJOR.MINOR.PATCH"},
		"unknown import":   {with(tiny("rollcall_fetch", [][]byte{imp("rollcall_v1", "exec", 0, 0)}, returnZero...), manifest), "imports rollcall_v1.exec, which rollcall_v1 does not have"},
		"other module":     {with(tiny("rollcall_fetch", [][]byte{imp("env", "log", 0, 0)}, returnZero...), manifest), "imports env.log"},
		"files":            {with(tiny("rollcall_fetch", [][]byte{imp("wasi_snapshot_preview1", "path_open", 0, 0)}, returnZero...), manifest), "no files, environment or sockets"},
		"sockets":          {with(tiny("rollcall_fetch", [][]byte{imp("wasi_snapshot_preview1", "sock_accept", 0, 0)}, returnZero...), manifest), "sock_accept"},
		"import signature": {with(tiny("rollcall_fetch", [][]byte{imp("rollcall_v1", "release", 0, 1)}, returnZero...), manifest), "another signature than release(handle i64) -> i32"},
		"memory import":    {with(tiny("rollcall_fetch", [][]byte{join(text("env"), text("memory"), []byte{2, 0, 1})}, returnZero...), manifest), "not a function"},
		"no exports":       {with(tiny("main", nil, returnZero...), manifest), "exports none of rollcall_fetch, rollcall_invoke and rollcall_check"},
		"export signature": {with(tiny("_initialize", nil, returnZero...), manifest), "_initialize has another signature"},
		"many types":       {with(join(magic, sec(1, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F)), manifest), "ends before what it announces"},
		"many functions":   {with(join(magic, sec(10, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F)), manifest), "ends before what it announces"},
	}
	files := map[string][]byte{"good.wasm": good, "note.txt": []byte("not looked at")}
	for name, c := range cases {
		files[name+".wasm"] = c.wasm
	}
	h, _ := open(t, host.Settings{AllowUnsigned: true}, files)
	modules := h.Modules()
	if len(modules) != len(files)-1 {
		t.Errorf("%d modules for %d files", len(modules), len(files))
	}
	for _, m := range modules {
		name := strings.TrimSuffix(filepath.Base(m.File), ".wasm")
		if name == "good" {
			if m.Reason != "" || m.Manifest.Version != "1.2.3" || len(m.SHA256) != 64 {
				t.Errorf("good: %+v", m)
			}
		} else if !strings.Contains(m.Reason, cases[name].want) {
			t.Errorf("%s: reason %q, want %q", name, m.Reason, cases[name].want)
		}
	}
	if _, err := h.Connector("guest"); err != nil {
		t.Error(err)
	}
	_, err := h.Connector("foreign")
	if e := asCallError(t, err); !strings.Contains(e.Message, "was refused: not a connector") {
		t.Error(e.Message)
	}
	_, err = h.Connector("pipedrive")
	if e := asCallError(t, err); !strings.Contains(e.Message, `no connector "pipedrive" in `) || !strings.Contains(e.Message, "there are: guest") {
		t.Error(e.Message)
	}
}

func TestTwoFilesWithOneName(t *testing.T) {
	good := with(tiny("rollcall_fetch", nil, returnZero...), manifest)
	h, _ := open(t, host.Settings{AllowUnsigned: true}, map[string][]byte{"a.wasm": good, "b.wasm": good})
	for _, m := range h.Modules() {
		if !strings.Contains(m.Reason, `several files say that they are connector "guest"`) {
			t.Errorf("%s: %q", m.File, m.Reason)
		}
	}
	if _, err := h.Connector("guest"); err == nil {
		t.Error("one of the two was loaded")
	}
}

func TestSignatures(t *testing.T) {
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, stranger, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	wasm := with(tiny("rollcall_fetch", nil, returnZero...), manifest)
	forged := minisign.Sign(private, append([]byte("x"), wasm...))
	cases := map[string]struct {
		signature []byte
		unsigned  bool // allow_unsigned
		want      string
	}{
		"good":             {minisign.Sign(private, wasm), false, ""},
		"none":             {nil, false, "unsigned: there is no guest.wasm.minisig"},
		"none allowed":     {nil, true, ""},
		"stranger":         {minisign.Sign(stranger, wasm), false, "not among the trusted keys"},
		"stranger allowed": {minisign.Sign(stranger, wasm), true, ""},
		"of other bytes":   {forged, false, "bad signature"},
		"bad, allowed":     {forged, true, "bad signature"},
		"not one":          {[]byte("hello"), true, "bad signature"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			files := map[string][]byte{"guest.wasm": wasm}
			if c.signature != nil {
				files["guest.wasm.minisig"] = c.signature
			}
			h, _ := open(t, host.Settings{TrustedKeys: []string{public.String()}, AllowUnsigned: c.unsigned}, files)
			m := h.Modules()[0]
			if c.want == "" && m.Reason != "" || !strings.Contains(m.Reason, c.want) {
				t.Errorf("reason %q, want %q", m.Reason, c.want)
			}
			if signed := strings.HasPrefix(m.Signature, "key "); signed != (name == "good") {
				t.Errorf("signature %q", m.Signature)
			}
		})
	}
	if _, err := host.Open(t.Context(), host.Settings{ModulesDir: t.TempDir(), TrustedKeys: []string{"RWQ"}}, slog.New(&logged{}), nil); err == nil {
		t.Error("a malformed trusted key was accepted")
	}
}

func TestModuleOverTheSizeLimit(t *testing.T) {
	h, _ := open(t, host.Settings{AllowUnsigned: true}, map[string][]byte{"big.wasm": make([]byte, 16<<20+1)})
	if r := h.Modules()[0].Reason; !strings.Contains(r, "larger than") {
		t.Errorf("reason %q", r)
	}
}

// TestTinyModules are written by hand: what a compiler would not let through.
func TestTinyModules(t *testing.T) {
	memory := func(pages ...byte) []byte { // a module that wants so much memory
		b := join(magic, sec(1, 1, 0x60, 0, 1, 0x7F), sec(3, 1, 0), sec(5, join([]byte{1, 0}, pages)...))
		b = join(b, sec(7, join([]byte{1}, text("rollcall_fetch"), []byte{0, 0})...))
		return join(b, sec(10, 1, 4, 0, 0x41, 0, 0x0B))
	}
	cases := map[string]struct {
		wasm []byte
		want string
	}{
		"unreachable":     {tiny("rollcall_fetch", nil, 0x00), "unreachable"},
		"silent":          {tiny("rollcall_fetch", nil, 0x41, 7), "status 7) and did not say why"},
		"recursion":       {tiny("rollcall_fetch", nil, 0x10, 0), ""},
		"endless":         {tiny("rollcall_fetch", nil, 0x03, 0x40, 0x0C, 0, 0x0B, 0x41, 0), "ran for more than"},
		"only check":      {tiny("rollcall_check", nil, returnZero...), "does not support it: it has no rollcall_fetch"},
		"too much memory": {memory(0xFF, 0x7F), "compile"},
		"invalid code":    {tiny("rollcall_fetch", nil, 0x6A), "compile"},
		"no memory":       {tiny("rollcall_fetch", [][]byte{imp("rollcall_v1", "wait_ms", 0, 0)}, returnZero...), "signature"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			timeout := soak.Patience
			if name == "endless" {
				timeout = 300 * time.Millisecond
			}
			h, _ := open(t, host.Settings{AllowUnsigned: true, CallTimeout: timeout}, map[string][]byte{"guest.wasm": with(c.wasm, manifest)})
			conn, err := h.Connector("guest")
			if err == nil {
				e, _ := conn.Manifest().Endpoint("users")
				_, err = conn.Fetch(t.Context(), host.Application{Name: "app", BaseURL: "http://127.0.0.1:1"}, abi.FetchCall{Endpoint: e}, func(host.Record) error { return nil })
			}
			if e := asCallError(t, err); !strings.Contains(e.Message, c.want) {
				t.Errorf("%s: %s", e.Kind, e.Message)
			}
		})
	}
}

// TestDamagedCache: what is in the cache is made again when it is broken.
func TestDamagedCache(t *testing.T) {
	wasm := with(tiny("rollcall_fetch", nil, returnZero...), manifest)
	cache := filepath.Join(t.TempDir(), "cache")
	s := host.Settings{AllowUnsigned: true, CacheDir: cache}
	prepare := func() []string {
		t.Helper()
		h, l := open(t, s, map[string][]byte{"guest.wasm": wasm})
		conn, err := h.Connector("guest")
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		return l.all()
	}
	prepare()
	info, err := os.Stat(cache)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("cache folder: %v %v", info.Mode(), err)
	}
	damaged := 0
	err = filepath.WalkDir(filepath.Join(cache, "compiled"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		damaged++
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		b[len(b)-8] ^= 0xFF
		return os.WriteFile(path, b[:len(b)-4], 0o600)
	})
	if err != nil || damaged == 0 {
		t.Fatalf("%d files in the cache, %v", damaged, err)
	}
	if lines := prepare(); !strings.Contains(fmt.Sprint(lines), "damaged") {
		t.Errorf("log %q: the damage was not noticed", lines)
	}
	if lines := prepare(); len(lines) != 0 {
		t.Errorf("log %q after the cache was made again", lines)
	}
}

func TestEmbedAndReadManifest(t *testing.T) {
	wasm := tiny("rollcall_fetch", nil, returnZero...)
	out, err := host.Embed(wasm, []byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	m, err := host.ReadManifest(out)
	if err != nil || m.Name != "guest" || m.Endpoints[0].Method != "GET" || m.Auth[0].Name != "api_key" {
		t.Errorf("%+v %v", m, err)
	}
	for name, f := range map[string]func() error{
		"twice":        func() error { _, err := host.Embed(out, []byte(manifest)); return err },
		"bad manifest": func() error { _, err := host.Embed(wasm, []byte("name = 1")); return err },
		"bad module":   func() error { _, err := host.Embed(wasm[:20], []byte(manifest)); return err },
		"none":         func() error { _, err := host.ReadManifest(wasm); return err },
	} {
		if f() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestManifestsThatDoNotDecodeKeepTheirName reads the same wrong manifest again
// and again: its connector has the same name each time.
func TestManifestsThatDoNotDecodeKeepTheirName(t *testing.T) {
	for range 50 {
		m, err := host.ParseManifest([]byte("name = \"crm\"\nversion = \"1.0.0\"\ntitle = \"CRM\"\nhosts = 1\nabi = []\n"))
		if err == nil || m.Name != "crm" || m.Version != "1.0.0" || m.Title != "CRM" || m.ABI != "" {
			t.Fatalf("%+v, %v", m, err)
		}
	}
}

func TestOpenNeedsItsFolder(t *testing.T) {
	_, err := host.Open(context.Background(), host.Settings{ModulesDir: filepath.Join(t.TempDir(), "none")}, slog.New(&logged{}), nil)
	if err == nil || !strings.Contains(err.Error(), "modules folder") {
		t.Errorf("error %v", err)
	}
}
