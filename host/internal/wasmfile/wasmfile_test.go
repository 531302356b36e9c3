package wasmfile_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/host/internal/wasmfile"
)

var magic = []byte("\x00asm\x01\x00\x00\x00")

func file(sections ...[]byte) []byte {
	return append(bytes.Clone(magic), bytes.Join(sections, nil)...)
}

func sec(id byte, content ...byte) []byte { return append([]byte{id, byte(len(content))}, content...) }

func whole() []byte {
	return file(
		sec(1, 2, 0x60, 0, 1, 0x7F, 0x60, 1, 0x7E, 0),
		sec(2, append(append([]byte{1, 3}, "env"...), 1, 'f', 0, 1)...),
		sec(3, 1, 0),
		sec(5, 1, 0, 1),
		sec(7, 2, 1, 'g', 0, 1, 1, 'm', 2, 0),
		sec(10, 1, 4, 0, 0x41, 7, 0x0B),
		sec(0, 1, 'c', 'x', 'y'),
	)
}

func TestRead(t *testing.T) {
	f, err := wasmfile.Read(whole())
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Imports) != 1 || f.Imports[0].Module != "env" || !f.Imports[0].Signature.Equal(wasmfile.Signature{Params: []byte{0x7E}}) {
		t.Errorf("imports %+v", f.Imports)
	}
	if len(f.Exports) != 2 || f.Exports[0].Name != "g" || !f.Exports[0].Signature.Equal(wasmfile.Signature{Results: []byte{0x7F}}) {
		t.Errorf("exports %+v", f.Exports)
	}
	if c, err := f.Section("c"); string(c) != "xy" || err != nil {
		t.Errorf("section %q %v", c, err)
	}
	if c, err := f.Section("none"); c != nil || err != nil {
		t.Errorf("section %q %v", c, err)
	}
	long := bytes.Repeat([]byte("m"), 70_000)
	f, err = wasmfile.Read(wasmfile.Append(whole(), "big", long))
	if err != nil {
		t.Fatal(err)
	}
	if c, _ := f.Section("big"); !bytes.Equal(c, long) {
		t.Errorf("%d bytes came back", len(c))
	}
}

func TestReadRefuses(t *testing.T) {
	most := []byte{0xFF, 0xFF, 0xFF, 0xFF, 0x0F}
	cases := map[string]struct {
		data []byte
		want string
	}{
		"magic":            {[]byte("\x00asm\x02\x00\x00\x00"), "not a WebAssembly module"},
		"section length":   {file([]byte{1, 50}), "ends before"},
		"unknown section":  {file(sec(13)), "is not known"},
		"order":            {file(sec(3, 0), sec(1, 0)), "out of order"},
		"twice":            {file(sec(1, 0), sec(1, 0)), "there twice"},
		"long number":      {file([]byte{1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}), "longer than 32 bits"},
		"number overflow":  {file([]byte{1, 0x80, 0x80, 0x80, 0x80, 0x10}), "longer than 32 bits"},
		"left over":        {file(sec(1, 0, 9)), "left over"},
		"form":             {file(sec(1, 1, 0x5F, 0, 0)), "type form"},
		"type index":       {file(sec(1, 0), sec(3, 1, 0)), "type 0 of 0"},
		"export index":     {file(sec(1, 0), sec(7, 1, 1, 'g', 0, 5)), "function 5 of 0"},
		"export kind":      {file(sec(7, 1, 1, 'g', 9, 0)), "export kind 9"},
		"import kind":      {file(sec(2, 1, 1, 'a', 1, 'b', 9)), "import kind 9"},
		"name not UTF-8":   {file(sec(0, 1, 0xFF)), "not UTF-8"},
		"name beyond":      {file(sec(0, 9, 'x')), "ends before"},
		"elements claimed": {file(sec(9, most...)), "ends before"},
		"data claimed":     {file(sec(11, most...)), "ends before"},
		"globals claimed":  {file(sec(6, most...)), "ends before"},
		"tables claimed":   {file(sec(4, most...)), "ends before"},
		"body beyond":      {file(sec(10, 1, 50, 0)), "ends before"},
		"params claimed":   {file(sec(1, append([]byte{1, 0x60}, most...)...)), "ends before"},
	}
	for name, c := range cases {
		if _, err := wasmfile.Read(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// It ends between sections, but has to have code for its function.
	for i := range whole() {
		if i <= 8 {
			continue
		}
		_, err := wasmfile.Read(whole()[:i])
		if boundary := map[int]bool{19: true, 30: true, 58: true}[i]; (err == nil) != boundary {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
}
