package wasmfile

// check is a loop that ends at once. The compiler tests the deadline at the
// head of every loop. The loop closes before the next instruction, so no label
// changes.
const check = "\x03\x40\x0B" // loop, end

// Harden returns the module to compile: without custom sections, with a check
// at the entry of functions and before instructions that can take long, and
// with a limit on every table. It behaves as the original module. The same file
// gives the same bytes, and hardening the result again changes nothing.
func Harden(f *File) []byte {
	out := make([]byte, 0, len(f.data)+f.Numbers.Checks*len(check)+f.Numbers.Functions)
	out = append(out, header...)
	for _, s := range f.sections {
		content := f.data[s.start:s.end]
		switch s.id {
		case sectionTable:
			content = f.boundTables(s)
		case sectionCode:
			content = f.checkedCode()
		}
		out = append(out, s.id)
		out = append(out, leb(uint32(len(content)))...)
		out = append(out, content...)
	}
	return out
}

// boundTables adds a limit to every table of a section that has none.
func (f *File) boundTables(s section) []byte {
	var out []byte
	at := s.start
	for _, t := range f.tables {
		if t.bounded || t.foreign {
			continue
		}
		out = append(out, f.data[at:t.limits]...)
		out = append(out, 1)
		out = append(out, leb(t.least)...)
		out = append(out, leb(maxTable)...)
		at = t.end
	}
	return append(out, f.data[at:s.end]...)
}

func (f *File) checkedCode() []byte {
	out := leb(uint32(len(f.bodies)))
	for _, b := range f.bodies {
		out = append(out, leb(uint32(b.end-b.start+len(b.checks)*len(check)))...)
		at := b.start
		for _, c := range b.checks {
			out = append(out, f.data[at:c]...)
			out = append(out, check...)
			at = c
		}
		out = append(out, f.data[at:b.end]...)
	}
	return out
}
